/*
 * A server that runs already is the first generation, and is to be replaced by the second. Until
 * that one is ready it is no business of ours: nothing that happens to us may harm it.
 */
#ifndef TFHELPER_TAKEOVER_H
#define TFHELPER_TAKEOVER_H

#include <stdbool.h>

struct generation;

/* Is the server that runs already to be replaced, and is not yet? */
bool is_taking_over(void);

/* It begins. */
void begin_takeover(void);

/* `old` has a successor that is ready. Nothing happens unless it ran before us. */
void taken_over(const struct generation *old);

/* It does not come to pass: we end when nothing is left of the successor. Likewise. */
void takeover_failed(void);

/* Somebody has told us to end, and means us alone. False if it was the service that was meant. */
bool call_takeover_off(const char *sender);

/*
 * After each event: end, with EXIT_REFUSED, if it has failed and nobody needs us; and have the
 * guard spare who ran before us as long as it serves.
 */
void review_takeover(void);

#endif
