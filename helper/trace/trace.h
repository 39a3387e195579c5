/*
 * The second way into a server, for programs that no library reaches: the kernel tells us of the
 * few system calls that matter, and everything else is done from outside. What is to be answered,
 * and when something is to be done, the steps of an upgrade say: helper/lifecycle/traced.c.
 */
#ifndef TFHELPER_TRACE_H
#define TFHELPER_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "calls.h"
#include "deafened.h"
#include "helper/kernel/poller.h"
#include "preload/wire/protocol.h"

struct generation;
struct seccomp_notif;

/* A socket that a process of the generation has bound, or been given by us instead. */
struct bound {
    uint64_t inode;
    struct listener_key key; /* as the program asked for it */
    uint32_t order;
    bool listens;
    bool polled;          /* a thread was seen in poll() on it, or an epoll set with it */
    int in_accept;        /* so many looks have found a thread in accept() on it: waiting.c */
    pid_t collected_from; /* the last process that it was collected from */
};

struct trace {
    struct watch watch; /* first, as that of every peer is; -1: nobody has the filter any more */
    struct generation *generation;
    struct seccomp_notif *request; /* shared with the holder; NULL for a stranger */
    int page;                      /* the file that this is */
    bool stranger;    /* it ran before us: no filter of ours is in it, and no call is told */
    bool files_kept;  /* of a stranger: helper/trace/keep_files.h */
    bool denied;      /* it has been said that its descriptors cannot be taken */
    unsigned filters; /* how many its processes have, unless they add some */
    struct bound *bound;
    size_t bound_count;
    size_t bound_limit; /* so many are noted until those that are closed are forgotten */
    struct deafened_list deafened;
    /* what one of its threads is made to call for: true if that was this call, which is answered */
    bool (*expected)(const struct call *call, void *argument);
    void *argument;
};

/* Who answers the calls: each must have been answered when it returns. */
extern void (*answer_traced_call)(struct generation *generation, const struct call *call);

/*
 * Watch a generation by the descriptor that its filter has come with, which is ours from now on.
 * False, with errno set, if that cannot be done.
 */
bool begin_trace(struct generation *generation, int notify);

/* The same of one that runs already: what it calls for we are not told. */
void begin_trace_of_stranger(struct generation *generation);

/* Wait for its calls, unless nobody has the filter any more. */
void watch_trace(struct trace *trace);

/* Forget all about it; nothing happens if it is not traced. */
void end_trace(struct generation *generation);

/* Answer the calls that wait, or some of them: the descriptor can be read as long as there are any.
 */
void serve_calls(struct trace *trace);

/* Note what a socket was bound to; or find what is known of it, or NULL. */
struct bound *note_bound(struct trace *trace, uint64_t inode, const struct listener_key *key);
struct bound *find_bound(const struct trace *trace, uint64_t inode);

/* What is noted from now on comes behind this one in their order. */
void count_orders_from(uint32_t order);

#endif
