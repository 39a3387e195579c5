/* Talking to tfhelper: one connection an exchange. */
#ifndef TFPRELOAD_CONTROL_H
#define TFPRELOAD_CONTROL_H

#include "preload/wire/protocol.h"

/*
 * Connect to the session's helper. Returns a descriptor that the caller closes
 * (close-on-exec), or -1 with errno set. Never waits for more than a second.
 * Async-signal-safe, like all of these.
 */
int open_control(void);

/*
 * The same for a question whose answer an upgrade depends on, however busy the
 * machine is: it waits for ten seconds. Not from a handler of ours, which may
 * have interrupted a thread that serves clients.
 */
int open_control_patiently(void);

/* A message of this kind, with this generation's number and the secret of the session. */
struct message new_message(enum message_kind kind);

/* Send one message, with a copy of descriptor `pass` unless that is -1. 0, or -1 with errno. */
int send_message(int control, const struct message *message, int pass);

/*
 * Receive one answer and up to `most` descriptors (close-on-exec), which the
 * caller owns. Returns how many descriptors came, or -1 with errno set: EPROTO for
 * anything that is no answer, EPROTONOSUPPORT for one of another version, EMFILE when there
 * was no descriptor left to receive one into.
 */
int receive_answer(int control, struct message *answer, int *descriptors, int most);

/*
 * Send a question to `control`, receive the answer in its place and close
 * `control`, which may be -1. Returns the kind of the answer, or 0 with errno set.
 * `descriptor`, unless NULL: the one that came with it, which the caller owns, or -1.
 */
int ask_helper(int control, struct message *message, int *descriptor);

/* Open, send one message that needs no answer, close. 0, or -1 with errno set. */
int tell_helper(const struct message *message);

#endif
