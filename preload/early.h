/* What the constructor uses where libc is not ready yet. */
#ifndef TFPRELOAD_EARLY_H
#define TFPRELOAD_EARLY_H

/* The value of a variable in this environment, or NULL. */
const char *early_variable(char **environment, const char *name);

/*
 * One line on stderr, which is still the one that the operator gave to the
 * server. `error`: an errno, or 0 where `what` and `about` say it all.
 */
void complain(const char *what, const char *about, int error);

#endif
