/* Which processes belong to which generation: everything below the helper, from /proc. */
#ifndef TFHELPER_FAMILY_H
#define TFHELPER_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct open_socket;

struct member {
    pid_t pid;
    pid_t parent;
    pid_t group;
    unsigned generation; /* 0: not known */
    bool guessed;        /* nothing says so, but none fits better */
    uint64_t started;    /* proc(5) starttime: with the pid it names a process for good */
    bool takes_orders;   /* has a handler for the order signal */
    bool sandboxed;      /* and a seccomp filter that might end it for what that handler does */
};

struct family {
    struct member *member;
    size_t count;
};

/*
 * Look at all living descendants of the helper. The result is valid until the
 * next look. Processes that fork or end meanwhile may be missed: look again.
 */
const struct family *look_at_family(void);

/* From now on the first generation's processes need not descend from the helper. */
void expect_foreign_members(void);

/* The last look again. */
const struct family *latest_family(void);

/* The member with this pid in the last look, or NULL. */
const struct member *find_member(pid_t pid);

/* How many members of this generation the last look found. */
size_t count_members(unsigned generation);

/*
 * Append the sockets that the processes of this generation have
 * open, as of now. The caller frees. False if one of them may not be looked into.
 */
bool list_sockets_of(unsigned generation, struct open_socket **sockets, size_t *count);

/* Does a process of this generation have the socket with this inode open, as of now? */
bool is_held_by(unsigned generation, uint64_t inode);

/* Process `pid` has said to which generation it belongs. */
void learn_member(pid_t pid, unsigned generation);

/*
 * May this process speak for that generation? Not if the last look, or an
 * ancestor that it found, says that it belongs to another. Who has neither, an
 * orphan that nobody has seen yet, is believed.
 */
bool may_belong_to(pid_t pid, unsigned generation);

/* Is this process one of the server's, as of now? */
bool is_member(pid_t pid);

#endif
