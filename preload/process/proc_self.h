/* The directory of this process in /proc, wherever the program lives. */
#ifndef TFPRELOAD_PROC_SELF_H
#define TFPRELOAD_PROC_SELF_H

/*
 * The directory /proc/self, which the caller closes with kernel_close(); in a
 * chroot that has no /proc, PROC_ELSEWHERE: the helper reads it to us. -1 with errno set
 * when neither can. Async-signal-safe, like all of these.
 */
int open_proc_self(void);

/*
 * The same, for "fd" and "fdinfo" alone: where main() has ended by pthread_exit(3),
 * /proc/self is that of a dead thread, which has no descriptors, and this the calling one's.
 */
int open_proc_with_descriptors(void);

#endif
