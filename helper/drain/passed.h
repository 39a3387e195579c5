/* Descriptors on their way from one process to another. */
#ifndef TFHELPER_PASSED_H
#define TFHELPER_PASSED_H

#include <stddef.h>

struct look;

/*
 * How many descriptors lie in the unix sockets that the generation's processes
 * hold. What each of them is, only their receiver will know: they are taken for
 * connections.
 */
size_t count_passed(const struct look *look);

#endif
