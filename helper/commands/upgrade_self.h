/* tfhelper upgrade --self: not the server, but the helper of a service. */
#ifndef TFHELPER_UPGRADE_SELF_H
#define TFHELPER_UPGRADE_SELF_H

#include <stdint.h>

struct service;

/* Have it execute its new version, and say how that came out, until `end` (now(); 0: for ever).
 * Returns the exit status. */
int upgrade_self(const struct service *service, int64_t end);

#endif
