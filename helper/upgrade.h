/* One upgrade at a time, and none is dropped. */
#ifndef TFHELPER_UPGRADE_H
#define TFHELPER_UPGRADE_H

/* Somebody wants an upgrade: begin it, or note it for when the present one is over. */
void request_upgrade(void);

/* The present upgrade is over, whatever came of it: begin the one that was noted. */
void upgrade_over(void);

/* The service is to stop: give up the present upgrade and the one that was noted. */
void abandon_upgrades(void);

/* The same without a word, since the service has ended. */
void drop_upgrades(void);

#endif
