/* The seccomp filter that has the kernel tell us of a program's bind(), listen() and unlink(). */
#ifndef TFHELPER_FILTER_H
#define TFHELPER_FILTER_H

#include <stdbool.h>

/* Or would a filter above us end who tries? */
bool may_set_filters(void);

/*
 * In the child, before it executes the program: install the filter, and send the descriptor that
 * tells of those calls to the other end of `channel`; or the errno of why there is none.
 */
void install_filter(int channel);

/* In the helper: receive it. The descriptor, which the caller owns, or -1 with errno set. */
int receive_filter(int channel);

/* Could a child of ours install it? 0, or the errno of why not. */
int try_filter(void);

/* Why install_filter() has failed, for a person. */
const char *filter_error_text(int error);

#endif
