/* What /proc says of one process, as it concerns us: see struct member. */
#ifndef TFHELPER_READ_MEMBER_H
#define TFHELPER_READ_MEMBER_H

#include <stdbool.h>
#include <sys/types.h>

struct member;

/*
 * Fill in what the kernel knows: group, start, whether it takes orders, and whether
 * it has a seccomp filter of its own. Returns false when the process is gone or a
 * zombie: then it holds nothing any more.
 */
bool read_member(pid_t pid, struct member *member);

#endif
