/* The end of a generation: the stop signal, a grace, SIGKILL. */
#ifndef TFHELPER_STOP_H
#define TFHELPER_STOP_H

struct generation;

/* Send the stop signal, so that the server shuts down in its own way. `why` is for the log. */
void begin_stopping(struct generation *generation, const char *why);

/* End all its processes at once. */
void kill_generation(struct generation *generation);

/* STOPPING: tell whom we have not told yet; after the grace, kill. */
void stop_again(struct generation *generation);

/* No process of it is left. */
void gone(struct generation *generation);

#endif
