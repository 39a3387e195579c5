/* A few descriptors more than the program may have, for as long as we need them. */
#ifndef TFPRELOAD_DESCRIPTOR_LIMIT_H
#define TFPRELOAD_DESCRIPTOR_LIMIT_H

#include <stdbool.h>

#include "preload/kernel/kernel.h"

/*
 * Lift the limit; `limit` becomes what it was, and whoever gets true restores it.
 * False: it could not be done, or somebody else is at it. Async-signal-safe.
 */
bool lift_descriptor_limit(struct kernel_limit *limit);
void restore_descriptor_limit(const struct kernel_limit *limit);

#endif
