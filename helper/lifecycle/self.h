/* A step of its own: the helper executes its new version, and stays who it is. */
#ifndef TFHELPER_SELF_H
#define TFHELPER_SELF_H

#include <stdbool.h>

struct carrier;

/* Somebody wants that: it is done as soon as it can be. `asker`: who, for the log. */
void request_renewal(const char *asker);

/* An upgrade of the server is asked for: if there is another tfhelper where ours was, it is due,
 * too.
 */
void renew_if_replaced(const char *asker);

bool is_renewal_asked_for(void);

/* Is this a moment for it: no upgrade is in progress, no generation is in a state that will pass?
 */
bool may_renew_now(void);

/* An upgrade that was noted waits for it: that is so for a while only, if no moment comes. */
bool holds_upgrades_back(void);

/* It does not come to pass: one line. The helper goes on as it is, and what was noted begins. */
void renewal_failed(const char *why);

/* Who has asked: helper/base/carry.h. To be called when it has been done: then nobody has. */
void carry_renewal(struct carrier *carrier);
void renewed(const char *before);

/* The new one could not go on, and has executed us, the one before, again. */
void not_renewed(void);

#endif
