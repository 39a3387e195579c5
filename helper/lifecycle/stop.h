/* The end of a generation: the stop signal, a grace, SIGKILL. */
#ifndef TFHELPER_STOP_H
#define TFHELPER_STOP_H

#include <stdint.h>

struct asked_list;
struct generation;

/*
 * Signal the processes on top of the generation's family that are not in `told` yet, and note them
 * there: first the one that was executed, then whatever its end leaves behind as an orphan.
 */
void signal_top(struct generation *generation, struct asked_list *told, int number);

/* Send the stop signal, so that the server shuts down in its own way. `why` is for the log. */
void begin_stopping(struct generation *generation, const char *why);

/*
 * Its first process has ended, and others are left. Who still listens is told to
 * stop at once; who does not finishes connections for so long (nanoseconds).
 */
void stop_leftovers(struct generation *generation, int64_t time);

/* End all its processes at once. */
void kill_generation(struct generation *generation);

/* STOPPING: tell whom we have not told yet; after the grace, kill. */
void stop_again(struct generation *generation);

/* No process of it is left. */
void gone(struct generation *generation);

/*
 * A generation that was ready has failed. What is left of it may be in the middle of an answer: it
 * retires and drains like any other.
 */
void let_rest_drain(struct generation *failed);

#endif
