/* Step 3 of an upgrade: execute the server again. */
#ifndef TFHELPER_START_H
#define TFHELPER_START_H

struct carrier;
struct generation;

/* Fork and execute the command as this generation's first process. */
void start_generation(struct generation *generation);

/* The pid that became the helper: helper/base/carry.h. */
void carry_start(struct carrier *carrier);

#endif
