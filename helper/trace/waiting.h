/* Does a traced generation wait for clients? */
#ifndef TFHELPER_WAITING_H
#define TFHELPER_WAITING_H

#include <stdbool.h>
#include <stdint.h>

struct trace;

enum waiting {
    NOBODY_WAITS,
    PERHAPS_WAITS, /* a listener is in an epoll set, as Go has it long before it accepts */
    SURELY_WAITS,  /* a thread is in accept() or poll(), or a ring has an accept */
};

/* As of now, for those of its sockets that listen; what is seen of each is noted. */
enum waiting look_for_waiting(struct trace *trace);

/* Is one of its threads in accept() on the socket with this inode? */
bool is_in_accept(const struct trace *trace, uint64_t inode);

/*
 * Learn how it waits on its blocking listeners, while nobody shares them. When two generations do,
 * a thread that poll() has told of a client may hang in accept() for a moment, and looks as if it
 * had always been there.
 */
void learn_how_it_waits(struct trace *trace);

#endif
