/* Step 2 of an upgrade, in the old generation: hand the listeners to the helper. */
#ifndef TFPRELOAD_COLLECT_H
#define TFPRELOAD_COLLECT_H

/* Send every listener of this process, with the address it was asked for. In a handler. */
void send_listeners(void);

/* The upgrade has failed: nobody shares our listeners any more. In a handler. */
void resume_listeners(void);

#endif
