/* The end of an upgrade that has succeeded. */
#ifndef TFHELPER_FINISH_H
#define TFHELPER_FINISH_H

struct generation;

/*
 * READY and UNREADY, TIMER; and when all processes of the older generation have given up their
 * listeners: see to it that no client waits that nobody might know of. Our copies of the listeners
 * are then kept only for as long as an older generation could take them back.
 */
void finish_upgrade(struct generation *generation);

#endif
