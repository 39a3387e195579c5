/* What a descriptor says of a connection, for whoever counts those that are left. */
#ifndef TFPRELOAD_SOCKET_REPORT_H
#define TFPRELOAD_SOCKET_REPORT_H

#include <stdbool.h>

#include "protocol.h"

/*
 * Fill in addresses and ports, if it is an internet connection that is alive. Returns false with
 * errno set where that cannot be told. Async-signal-safe.
 */
bool describe_connection(int fd, struct socket_report *report);

#endif
