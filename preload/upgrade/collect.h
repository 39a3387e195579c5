/* Step 2 of an upgrade, in the old generation: hand the listeners to the helper. */
#ifndef TFPRELOAD_COLLECT_H
#define TFPRELOAD_COLLECT_H

#include <stdbool.h>

/*
 * Send every listener of this process, with the address it was asked for: to share them with a
 * successor, or as mere copies. In a handler.
 */
void send_listeners(bool share);

/* The upgrade has failed: nobody shares our listeners any more. In a handler. */
void resume_listeners(void);

/* They are no longer ours: no successor of this moment concerns them. In a handler. */
void forget_collecting(void);

#endif
