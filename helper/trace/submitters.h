/*
 * Orders to a ring of another process. io_uring_register(2) may be called by whoever has the ring
 * open, unless it was made for one thread alone (IORING_SETUP_SINGLE_ISSUER): then that one is
 * stopped, and has to call.
 */
#ifndef TFHELPER_SUBMITTERS_H
#define TFHELPER_SUBMITTERS_H

#include <sys/types.h>

/*
 * Put another file into the place `slot` of those that are registered: our `fd`, which is behind
 * `number` in the process. Returns a result, or a negative errno.
 */
long have_file_replaced(pid_t process, int ring, unsigned slot, int number, int fd);

/*
 * End every request that waits at the file which our `fd` leads to. Returns how many; -ENOENT: none
 * did; -EINVAL: this kernel cannot (Linux 6.0 can); or another negative errno.
 */
long have_requests_cancelled(pid_t process, int ring, int fd);

#endif
