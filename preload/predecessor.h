/* Two generations that poll one blocking datagram socket: the new one waits for the old to retire.
 */
#ifndef TFPRELOAD_PREDECESSOR_H
#define TFPRELOAD_PREDECESSOR_H

#include <stdbool.h>

/*
 * Wait while the generation before this one gives up its sockets, but for a
 * second at most. Returns false when its time has not come yet, since this
 * generation is not ready: then ask again at the next wait. Changes errno; not
 * in a signal handler.
 */
bool outlast_predecessor(void);

#endif
