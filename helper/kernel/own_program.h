/* The program that we are: how it was started, and whether another one is in its place by now. */
#ifndef TFHELPER_OWN_PROGRAM_H
#define TFHELPER_OWN_PROGRAM_H

#include <stdbool.h>

struct carrier;

/* At the start: note by which path and with which arguments we were executed. They have to stay. */
void note_own_program(char **argv);

/* The path, absolute, with its links as they were given; and the arguments, which end with NULL. */
const char *own_path(void);
char **own_arguments(void);

/* Is there another program now, as after `make install`? One that is not there is none. */
bool is_own_program_replaced(void);

/*
 * Open it, to be executed by that descriptor (close-on-exec): a regular file of root's or of our
 * own user's, which nobody else may write. Or -1, with the reason in `why`, valid until the next
 * call.
 */
int open_own_program(const char **why);

/* The path, and the name that ps(1) shows: helper/base/carry.h. */
void carry_own_program(struct carrier *carrier);

#endif
