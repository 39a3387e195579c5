/*
 * Calls that a stopped thread of another process is made to do, and memory there for what they
 * point to: a page of its own, since nobody knows what is below its stack.
 */
#ifndef TFHELPER_WORKSPACE_H
#define TFHELPER_WORKSPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stopped;
struct trace;

enum { WORKSPACE_SIZE = 4096 };

struct workspace {
    struct trace *trace;
    struct stopped *stopped;
    uint64_t page; /* its address in the process */
};

/* Map the page. Returns 0, or an errno. The thread stays the caller's to let go. */
int open_workspace(struct workspace *workspace, struct trace *trace, struct stopped *stopped);

/* Unmap it. */
void close_workspace(struct workspace *workspace);

/* Have a call done. Returns what it has returned, or -ERRNO, also where it could not be made. */
long call_there(struct workspace *workspace, long number, const long arguments[6]);

/* Copy to or from the page, at its beginning. Returns 0, or an errno. */
int write_there(const struct workspace *workspace, const void *from, size_t size);
int read_there(const struct workspace *workspace, void *to, size_t size);

#endif
