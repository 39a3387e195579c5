/* TFPRELOAD_READY=fd:N: a server that writes a newline to a descriptor when it is ready, as s6 has
 * it. */
#ifndef TFHELPER_READY_PIPE_H
#define TFHELPER_READY_PIPE_H

struct generation;

/*
 * Make a pipe and watch its end. Returns the other one, which the caller closes
 * in the parent and makes descriptor N of the child; -1 if there is no pipe.
 */
int open_ready_pipe(struct generation *generation);

void close_ready_pipe(struct generation *generation);

/* Watch that of a generation which was carried here: helper/generation/carry_generations.h. */
void resume_ready_pipe(struct generation *generation);

#endif
