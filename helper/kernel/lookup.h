/* What a look at something of the kernel's has found. */
#ifndef TFHELPER_LOOKUP_H
#define TFHELPER_LOOKUP_H

#include <stdbool.h>

/*
 * "Could not look" is neither of the others. Whoever gets it looks again, or takes what is worse
 * for granted; errno has the reason.
 */
enum lookup { IS_GONE, IS_THERE, CANNOT_TELL };

/* What an errno of a look at a process means. */
enum lookup failed_look(int error);

/* Is this errno one of those with which a look is denied for good? */
bool is_denied(int error);

/* Is it one that tells of want, of descriptors or memory, so that another look may find more? */
bool may_pass(int error);

#endif
