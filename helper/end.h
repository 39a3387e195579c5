/* The end of the service: when the server ends by itself, so does the helper, in the same way. */
#ifndef TFHELPER_END_H
#define TFHELPER_END_H

struct generation;

/* The first process of the current generation has ended: the service, unless it left a daemon. */
void server_exited(struct generation *generation);

/* Somebody has sent the service a signal to end: when it does, nothing is left to supervise. */
void expect_end(void);

/* The current generation has ended, or the first one before it was ready. */
void service_ended(struct generation *generation);

/* A generation is gone: was it the last one of a service that is to end? */
void generation_gone(const struct generation *generation);

/* End as the server did: its status, or its signal. */
_Noreturn void end_like_the_server(void);

#endif
