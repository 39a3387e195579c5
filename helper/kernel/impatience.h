/*
 * Waits that another process has chosen for us. Who sends us a socket and closes its own has us
 * close the last one, and with SO_LINGER that takes as long as it likes: socket(7). It may even be
 * closed unseen, with the message that it came in. A signal ends such a wait, so one comes, again
 * and again, while the helper works.
 */
#ifndef TFHELPER_IMPATIENCE_H
#define TFHELPER_IMPATIENCE_H

/*
 * What interrupts the helper. It says nothing else to it: that somebody has hung up, each write
 * says. Whoever blocks signals leaves this one out.
 */
#define INTERRUPTING_SIGNAL SIGPIPE

/* Prepare for it, in each process anew: a fork has none of its parent's timers. */
void open_impatience(int signal);

/* From now on no wait lasts; or: wait as long as you like, for descriptors. */
void become_impatient(void);
void become_patient(void);

#endif
