/* Clients of the control socket who want to know what happens, for as long as they stay. */
#ifndef TFHELPER_WATCHERS_H
#define TFHELPER_WATCHERS_H

#include <stddef.h>

struct report;

/* This connection, which stays its owner's, is told from now on; and is not any more. */
void add_watcher(int fd);
void remove_watcher(int fd);

size_t count_watchers(void);

/* Send a report to each of them. One that does not read it is shut down, for its owner to close. */
void tell_watchers(const struct report *report);

#endif
