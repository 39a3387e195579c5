/* The control socket: what the library asks and tells, each over a connection of its own. */
#ifndef TFHELPER_CONTROL_H
#define TFHELPER_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Open the socket under a name that nobody can guess. Returns 0, or -1 with errno set. */
int open_control_socket(void);

/* Its name in the abstract namespace, after the leading NUL. */
const char *control_name(void);

enum { SESSION_TEXT = 128 };

/* The value of SESSION_VARIABLE for a generation. */
void session_text(unsigned generation, char text[SESSION_TEXT]);

/* The generation in the value of SESSION_VARIABLE, 0 if it is of another session. */
unsigned generation_of_session(const char *text);

struct report;

/* Send a report to every client that watches; one that does not read is dropped. */
void tell_watchers(const struct report *report);

/* Drop peers that have been silent for too long; returns when the next one will be, or 0. */
int64_t expire_peers(void);

#endif
