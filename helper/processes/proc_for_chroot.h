/* What /proc says of a process that cannot look there itself, as text. */
#ifndef TFHELPER_PROC_FOR_CHROOT_H
#define TFHELPER_PROC_FOR_CHROOT_H

#include <stdint.h>
#include <sys/types.h>

/*
 * A file in memory with one of `enum proc_text` of this process, from its
 * beginning, which the caller closes. -1 with errno set: ENOENT
 * or ESRCH if there is nothing of the kind, EACCES if its program has privileges
 * by its file, or is another one by now. No descriptor of /proc
 * may be handed over in its stead: it leads out of any chroot.
 */
int open_proc_text(pid_t pid, uint32_t what, uint64_t number);

#endif
