/* A program that says itself which socket of a SO_REUSEPORT set gets a client. */
#ifndef TFPRELOAD_STEERING_H
#define TFPRELOAD_STEERING_H

/* setsockopt() is about to set this. Keeps errno. Not in a signal handler. */
void announce_steering(int level, int name);

#endif
