/* What /proc says of one process, as it concerns us: see struct member. */
#ifndef TFHELPER_READ_MEMBER_H
#define TFHELPER_READ_MEMBER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "helper/kernel/lookup.h"

struct member {
    pid_t pid;
    pid_t parent;
    pid_t group;
    unsigned generation; /* 0: not known */
    bool guessed;        /* nothing says so, but none fits better */
    uint64_t started;    /* proc(5) starttime: with the pid it names a process for good */
    bool trusted;        /* has no other uid than root's and ours: it could be us */
    bool unread;         /* its status could not be looked at: what follows is not known */
    bool takes_orders;   /* has a handler for the order signal */
    bool sandboxed;      /* and a seccomp filter that might end it for what that handler does */
};

/* Root, or our user: may do all that we may. */
bool could_be_us(uid_t uid);

/*
 * Fill in what the kernel knows: parent, group, start, whether it takes orders, and
 * whether it has a seccomp filter of its own. IS_GONE: the process is gone or a
 * zombie, and holds nothing any more. CANNOT_TELL, with errno set: nothing is
 * known of it; where only the last two are not, it is IS_THERE and `unread`.
 */
enum lookup read_member(pid_t pid, struct member *member);

#endif
