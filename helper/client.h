/* The other end of demands.h: asking the helper of a service, and hearing what happens. */
#ifndef TFHELPER_CLIENT_H
#define TFHELPER_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reports.h"
#include "service.h"

enum heard {
    HEARD,
    SILENCE, /* nothing until the time given */
    ENDED,   /* the helper has closed: it refuses us, or the service is gone */
};

/* Send a demand; false if the service is gone. */
bool send_demand(int fd, enum demand demand);

/*
 * Receive the next report, until `end` (nanoseconds of CLOCK_MONOTONIC; 0: for
 * ever). `descriptor` gets what came with it, or -1; NULL closes that.
 */
enum heard hear(int fd, struct report *report, int64_t end, int *descriptor);

/*
 * The records that DEMAND_STATUS or DEMAND_SUMMARY asks for, in memory that the caller frees, and
 * how many: one at least. NULL when the service refuses, or is gone. Other reports that come
 * meanwhile are lost.
 */
struct report *ask_status(int fd, enum demand demand, size_t *count);

/*
 * Connect to a service that answers, whose helper is process `helper`. Returns -1
 * if nobody listens; ends the program with one line if the helper refuses us.
 */
int open_connection(const struct service *service, pid_t *helper);

/* The same; ends the program if nobody listens, too. */
int require_connection(const struct service *service, pid_t *helper);

_Noreturn void end_unreachable(const struct service *service);

/* Wait until a process has ended, and closed all it had. False if it takes too long. */
bool wait_for_exit(pid_t pid);

/*
 * The helper has closed a connection. Connect again, a moment later, if it is
 * still there; else wait until its process has ended, too, and return -1.
 */
int connect_again(const struct service *service, pid_t helper);

#endif
