/* Asking the processes of a generation what their sockets are, where nobody has said. */
#ifndef TFHELPER_INQUIRY_H
#define TFHELPER_INQUIRY_H

#include <stdbool.h>

struct look;

/* Which sockets is there nothing known of? */
void begin_inquiry(const struct look *look);

/*
 * Ask about what is left, those who have not been asked; judge from outside
 * what nobody can answer. Returns whether everything is known that is to be known.
 */
bool pursue_inquiry(struct look *look);

#endif
