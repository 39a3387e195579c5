/* Who it is that keeps a generation from ending: some of its connections, by their clients. */
#ifndef TFHELPER_HOLDERS_H
#define TFHELPER_HOLDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct generation;

enum { MOST_HOLDERS = 3, PEER_TEXT = 56 };

struct holder {
    char peer[PEER_TEXT]; /* the client's address and port */
    int64_t pending;      /* bytes that are on their way, in either direction */
    int64_t quiet;        /* nanoseconds since data last went either way */
    bool in_progress;     /* bytes are pending, or an answer is, or something moved just now */
};

/* Those in progress come first. `count` are described, of the `in_progress` and others there are.
 */
struct holders {
    struct holder item[MOST_HOLDERS];
    size_t count;
    size_t in_progress;
};

/*
 * Ask the kernel about the TCP connections that the generation had at its last count, or about
 * some hundreds of them. There is nothing to tell where the kernel does not say it.
 */
struct holders look_at_holders(const struct generation *generation);

/* The same as one line for the log; nothing if there is nobody to tell of. */
void log_holders(const struct generation *generation);

#endif
