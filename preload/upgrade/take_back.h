/* An upgrade is rolled back, in the old generation: serve again what was given up. */
#ifndef TFPRELOAD_TAKE_BACK_H
#define TFPRELOAD_TAKE_BACK_H

/*
 * Put every listener that was replaced back behind its number, with its epoll registrations, and
 * wake the threads that wait, so that they wait on it. In a handler.
 */
void take_back_listeners(void);

#endif
