/* A copy of a descriptor of another process. */
#ifndef TFHELPER_TAKE_DESCRIPTOR_H
#define TFHELPER_TAKE_DESCRIPTOR_H

#include <sys/types.h>

/*
 * By pidfd_getfd(2), Linux 5.6. The copy, close-on-exec, which the caller owns; or -1 with errno
 * set: EPERM where it is denied, ENOSYS where the kernel does not have it. The process may be
 * another one by then, and the number another file: the caller looks at what it has got.
 */
int take_descriptor(pid_t process, int number);

#endif
