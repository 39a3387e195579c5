/* A new version that is ready and may yet turn out bad: the old one is kept for a while. */
#ifndef TFHELPER_PROBATION_H
#define TFHELPER_PROBATION_H

#include <stdbool.h>

struct generation;

/* Is there an older generation that could take the listeners of this one back? */
bool can_roll_back(const struct generation *generation);

/* It has just become the current generation, and has a predecessor. */
void begin_probation(struct generation *generation);

/* Is this old generation kept, connections or not, in case its successor turns out bad? */
bool is_kept(const struct generation *old);

/* The current generation's time may be over: then let its predecessor go, or roll back. */
void review_probation(void);

/* READY, TOLD and DENIED: what the probe says once more, when that time is over. */
void probation_passed(struct generation *generation);
void probation_failed(struct generation *generation);

/* `tfhelper commit` and `rollback`. Whoever asks is told what comes of it, as are all who watch. */
void commit_upgrade(void);
void roll_back_as_asked(void);

#endif
