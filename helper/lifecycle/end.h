/* The end of the service: when the server ends by itself, so does the helper, in the same way. */
#ifndef TFHELPER_END_H
#define TFHELPER_END_H

struct generation;

/* The first process of the current generation has ended: the service, unless it left a daemon. */
void server_exited(struct generation *generation);

/* The current generation has ended, or the first one before it was ready. */
void service_ended(struct generation *generation);

/* End the helper, if the service has ended and none of its generations is left. */
void end_if_over(void);

#endif
