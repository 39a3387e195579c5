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

/*
 * Connect to a service. Returns a descriptor that the caller closes, or -1 with
 * errno set: ECONNREFUSED when the service is gone.
 */
int connect_to(const struct service *service);

/* Send a demand; false if the service is gone. */
bool send_demand(int fd, enum demand demand);

/*
 * Receive the next report, until `end` (nanoseconds of CLOCK_MONOTONIC; 0: for
 * ever). `descriptor` gets what came with it, or -1; NULL closes that.
 */
enum heard hear(int fd, struct report *report, int64_t end, int *descriptor);

/*
 * The records of a status, in memory that the caller frees, and how many. NULL
 * when the service refuses, or is gone. Other reports that come meanwhile are lost.
 */
struct report *ask_status(int fd, size_t *count);

/* The pid of the helper that answers at the other end, or 0: it refuses us. */
pid_t helper_of(int fd);

/* The same as ask_status() over a connection of its own; ends the program with one line if that
 * fails. */
struct report *require_status(const struct service *service, size_t *count);

/* Ends the program: the helper does not talk to us. */
_Noreturn void end_refused(const struct service *service);

#endif
