/* Finding the service that a user means. */
#ifndef TFHELPER_SERVICE_H
#define TFHELPER_SERVICE_H

#include <stdbool.h>
#include <sys/types.h>

#include "preload/wire/protocol.h"

struct service {
    pid_t pid;                          /* that was given */
    char name[SESSION_NAME_LENGTH + 1]; /* of its control socket */
    pid_t opener;                       /* who has opened that, as the kernel says; 0: not known */
    uid_t user;                         /* and as which user */
};

enum found {
    FOUND,
    NOT_A_SERVICE, /* the process is there, and not (or not yet) one of a service */
    NO_PROCESS,
};

/*
 * Read a pid, or the path of a file that holds one. Ends the program with one
 * line when the text is neither; returns 0 when the file is not there, or empty.
 */
pid_t read_pid(const char *text);

/*
 * Find the service that this process is the helper or a part of. Processes of
 * other users are found as far as /proc may be read. The environment of a process
 * is its user's to write: what it names is believed if it is above that process.
 */
enum found find_service(pid_t pid, struct service *service);

/* Is this process a helper, as far as it may be looked into? Then `service` is its own. */
bool is_helper(pid_t pid, struct service *service);

/*
 * Connect to the helper of a service. Returns -1 with errno set: ECONNREFUSED
 * when nobody listens, or not the one that was found.
 */
int connect_to_service(const struct service *service);

/* So young that it may yet become a service? */
bool is_newborn(pid_t pid);

/*
 * Find it, for an argument that must name one: ends the program with one line if
 * it does not. Who is newborn is waited for.
 */
struct service require_service(const char *text);

#endif
