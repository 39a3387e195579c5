/* A retired generation's numbers lead to deaf sockets, from outside; and back again. */
#ifndef TFHELPER_DEAFEN_H
#define TFHELPER_DEAFEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "preload/wire/protocol.h"

struct inherited;
struct trace;

/*
 * Put replacements in the place of these listeners, wherever processes of the generation hold them.
 * They see a listener at which nobody arrives: the same numbers, the same registrations in their
 * epoll sets, and their blocked threads sleep on. Returns a process that held one, 0 if none did:
 * look again. Who cannot be made to let go of its numbers, which no epoll set watches any more, is
 * not looked at again.
 */
pid_t deafen_processes(struct trace *trace, struct inherited *const *listeners, size_t count,
                       const int replacements[REPLACEMENTS]);

/*
 * The way back, for listeners of which we have copies. Returns a process that has not come all the
 * way, and is to be asked again; 0 if there is none.
 */
pid_t undeafen_processes(struct trace *trace, struct inherited *const *listeners, size_t count);

/* Does any process of the generation lead a number to a deaf socket? */
bool is_deafened(const struct trace *trace);

/*
 * Clients may wait at these listeners whom nobody was woken for: have every epoll set of the
 * generation look again.
 */
void rearm_processes(struct trace *trace, struct inherited *const *listeners, size_t count);

#endif
