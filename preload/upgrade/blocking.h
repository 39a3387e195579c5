/* O_NONBLOCK belongs to the shared socket: whom it may surprise, and how that is avoided. */
#ifndef TFPRELOAD_BLOCKING_H
#define TFPRELOAD_BLOCKING_H

#include <stdbool.h>

struct note;

/*
 * Give an inherited socket the status flags of the one that the program made.
 * `flags` as from F_GETFL. Returns true when a blocking socket was wanted, so
 * that what to do is decided when the program waits. Changes errno.
 */
bool hand_over_status_flags(int flags, int inherited);

/* An adopted listener is waited on in accept(): it must block, if that was wanted. */
void decide_blocking(struct note *note, int fd);

/* An adopted listener is polled: it must not block, whatever was wanted. */
void decide_not_blocking(struct note *note, int fd);

/*
 * The upgrade has failed, and the flags of this listener, which was collected and
 * is `fd`, are again what they were then: one that is polled must not block. In a
 * handler.
 */
void go_on_polling(struct note *note, int fd);

/*
 * The program sets O_NONBLOCK or clears it, on a descriptor that may be an
 * adopted listener. Returns whether the call must go to the kernel.
 */
bool program_sets_nonblocking(int fd, bool nonblocking);

/*
 * A retired listener has become `replacement`, which does not block, although
 * the program believes so: see accept_shared(). In a handler.
 */
void expect_blocking(int replacement);

/* Must F_GETFL say that this descriptor blocks, although it does not? */
bool program_believes_blocking(int fd);

#endif
