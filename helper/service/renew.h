/* The helper executes its new version: helper/lifecycle/self.c says when. */
#ifndef TFHELPER_RENEW_H
#define TFHELPER_RENEW_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How the new program learns of the state, and of the old one, to go back to: two descriptors with
 * a slash between them. In its environment, from which it is taken at once: no server ever has it.
 */
#define STATE_VARIABLE "TFPRELOAD_STATE"

/*
 * Instead of that, at first: could it go on with this state? It writes its answer to the second
 * descriptor: + and its version, or - and why not. It is an option in front of all others, so that
 * a program which knows nothing of it starts no server of its own.
 */
#define CHECK_OPTION "--check-state="

enum { ANSWER_TEXT = 256 };

/*
 * If that is asked for and may be: have it checked, or do it, and then this never returns. True:
 * there is something new for follow_events().
 */
bool renew_as_asked(void);

/* When it is to be called in any case; 0: never. */
int64_t next_renewal(void);

#endif
