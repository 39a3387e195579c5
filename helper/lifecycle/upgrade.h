/* One upgrade at a time, and none is dropped. */
#ifndef TFHELPER_UPGRADE_H
#define TFHELPER_UPGRADE_H

#include <stdbool.h>
#include <stdint.h>

struct carrier;

/*
 * Somebody wants an upgrade: begin it, or note it for when the present one is over. `asker`: who,
 * for the log. `hold`: for how long its predecessor is to be kept, until somebody decides
 * (nanoseconds; 0: it is not).
 */
void request_upgrade(const char *asker, int64_t hold);

/* The same by a signal, which may reach many at once: as long as nothing is executed it is one. */
void request_upgrade_by_signal(const char *asker);

/* Begin the upgrade that was noted, if none is in progress. Returns whether it has. */
bool begin_noted_upgrade(void);

/* The service is to stop: give up the present upgrade and the one that was noted. */
void abandon_upgrades(void);

/* The same without a word, since the service has ended. */
void drop_upgrades(void);

/* The one that was noted: helper/base/carry.h. */
void carry_upgrade(struct carrier *carrier);

#endif
