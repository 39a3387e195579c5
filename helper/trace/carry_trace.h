/* What is known of generations that are traced, for the helper that is executed in our place. */
#ifndef TFHELPER_CARRY_TRACE_H
#define TFHELPER_CARRY_TRACE_H

#include <stdbool.h>

struct carrier;
struct generation;

/* Those of all generations, which have been carried before, and who holds: helper/base/carry.h. */
void carry_traces(struct carrier *carrier);

/*
 * What was read has no memory that it shares with its holder yet: that is mapped, and true
 * returned, or false with errno set. Then its calls are answered again. Nothing happens if the
 * generation is not traced.
 */
bool map_trace(struct generation *generation);
void resume_trace(struct generation *generation);

#endif
