/* The other end of demands.h: asking the helper of a service, and hearing what happens. */
#ifndef TFHELPER_CLIENT_H
#define TFHELPER_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "find_service.h"
#include "helper/outside/reports.h"

enum heard {
    HEARD,
    SILENCE, /* nothing until the time given */
    ENDED,   /* the helper has closed: it refuses us, or the service is gone */
};

/* Send a demand; false if the service is gone. */
bool send_demand(int fd, enum demand demand);

/* DEMAND_SIGNAL. */
bool demand_signal(int fd, int number);
/* A demand with a number, as DEMAND_CUT is one. */
bool send_number(int fd, enum demand demand, uint32_t number);

/* DEMAND_UPGRADE, which holds the old generation for so long (nanoseconds; 0: not). */
bool demand_upgrade(int fd, int64_t hold);

/* Take out of the texts what a terminal would obey: they may be anybody's. */
void make_report_plain(struct report *report);

/*
 * Receive the next report, with plain texts, until `end` (nanoseconds of CLOCK_MONOTONIC; 0: for
 * ever). `descriptor` gets what came with it, or -1; NULL: nothing may.
 */
enum heard hear(int fd, struct report *report, int64_t end, int *descriptor);

/*
 * The records that DEMAND_STATUS or DEMAND_SUMMARY asks for, in memory that the caller frees, and
 * how many: one at least. Their texts end, and are not plain. NULL when the service refuses, or is
 * gone; with errno ETIMEDOUT, when it has not answered by `end` (now(); 0: for ten seconds). Other
 * reports that come meanwhile are lost.
 */
struct report *ask_status(int fd, enum demand demand, int64_t end, size_t *count);

/*
 * Connect to a service that answers, whose helper is process `helper`. Returns -1
 * if nobody listens; ends the program with one line if the helper refuses us, or
 * does not answer by `end` (now(); 0: for ten seconds).
 */
int open_connection(const struct service *service, int64_t end, pid_t *helper);

/* The same; ends the program if nobody listens, too. */
int require_connection(const struct service *service, int64_t end, pid_t *helper);

_Noreturn void end_unreachable(const struct service *service);

/* The time given is over: with EXIT_TIMEOUT, and this line, if the helper is not stopped. */
_Noreturn void end_at_timeout(pid_t helper, const char *line);

/* Wait until a process has ended, and closed all it had. False if it takes too long. */
bool wait_for_exit(pid_t pid);

/*
 * The helper has closed a connection. Connect again, a moment later, if it is
 * still there; else wait until its process has ended, too, and return -1.
 */
int connect_again(const struct service *service, pid_t helper);

#endif
