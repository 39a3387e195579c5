/*
 * Who has been turned away: at the control socket and at that of the notices. The operator sees a
 * line at the level debug, which whoever turns somebody away writes, and this number in the status.
 */
#ifndef TFHELPER_REFUSALS_H
#define TFHELPER_REFUSALS_H

#include <stdint.h>

struct carrier;

/* One more: a connection, a message or a notice. */
void note_refusal(void);

/* How many there have been. */
int64_t count_refusals(void);

/* Their number: helper/base/carry.h. */
void carry_refusals(struct carrier *carrier);

#endif
