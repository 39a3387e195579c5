/* Everything the helper does follows from one event at a time, in this loop. */
#ifndef TFHELPER_LOOP_H
#define TFHELPER_LOOP_H

/* Open the descriptors of the loop and the set that watches them; ends the helper if it cannot. */
void open_loop(void);

/* The same after execve(2), but for the control socket, which is there. Returns 0, or -1 with
 * errno.
 */
int resume_loop(void);

/* Wait for events for ever, and let them take effect. */
_Noreturn void run_loop(void);

#endif
