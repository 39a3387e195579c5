/* The steps of an upgrade for a generation that is traced: what the library does in others. */
#ifndef TFHELPER_TRACED_H
#define TFHELPER_TRACED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct generation;
struct inheritance;
struct message;

/* Each does nothing for a generation that is not traced. */

/* Gets a listener and its descriptor, as a process would have sent it: listener_collected(). */
typedef void (*collect_visitor)(struct generation *old, pid_t pid, const struct message *message,
                                int descriptor);

/* Step 2: take copies of what `old` listens on, for the generation that is COLLECTING. */
void collect_from_traced(struct generation *old, collect_visitor collect);

/* Step 3: what it is given listens already, and is bound by nobody: socket activation. */
void note_given_to_traced(struct generation *generation);

/* Step 5: is a thread about to wait for clients? Notes what is seen in its signs. */
bool traced_one_waits(struct generation *generation);

/* Has it accepted somebody at what it inherits, who is with it still? */
bool has_taken_client(const struct generation *generation);

/* Step 6: `old` gives up these listeners; or what it must by now, its leftovers too. */
void retire_traced_for(struct generation *old, struct inheritance *listeners);

/* Which leftovers it keeps still, is_kept() says. Returns a process that holds one, 0 if none does.
 */
pid_t retire_traced(struct generation *old,
                    bool (*is_kept)(struct generation *old, uint64_t inode));

/*
 * Undo that: these listeners, of which the helper has copies, are behind their numbers again, and
 * in its epoll sets. It serves on as if nothing had been. Returns a process that has not come all
 * of the way, and is to be asked again; 0 if there is none.
 */
pid_t give_back_to_traced(struct generation *old, struct inheritance *listeners);

/*
 * A client has woken both generations, and the old one has it: who polls, and then called accept()
 * on a listener that blocks, hangs there until the next one comes. One does, and hangs up.
 */
void call_traced_out_of_accept(struct generation *generation);

/* It is about to be told to end, and ran before us: what it removes then, stays. */
void keep_files_of_stranger(struct generation *old);

/* Clients may wait at what it inherits, whom nobody was woken for. */
void rearm_traced(struct generation *generation);

#endif
