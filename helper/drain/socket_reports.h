/* A socket that a generation's process holds, understood as a connection that is left, or none. */
#ifndef TFHELPER_SOCKET_REPORTS_H
#define TFHELPER_SOCKET_REPORTS_H

#include <sys/types.h>

struct generation;
struct socket_report;
struct sockets_message;

/* What such a socket says of itself becomes what is known. */
void socket_described(struct generation *generation, const struct socket_report *report);

/* A process of the generation reports some of its sockets; or was that the last. */
void sockets_reported(struct generation *generation, const struct sockets_message *sockets);
void process_counted(struct generation *generation, pid_t pid, int error);

#endif
