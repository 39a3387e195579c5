/* This process is inside a session. */
#ifndef TFPRELOAD_JOIN_H
#define TFPRELOAD_JOIN_H

#include <stdbool.h>

#include "preload/process/process.h"

/*
 * Read the value of SESSION_VARIABLE, SESSION_FORMAT, into what it says of a session.
 * Returns false for a value that is not whole or is another version's.
 */
bool parse_session(const char *text, struct session *parsed);

/* Join the session of this value. Whatever is in the way of that is said in a line. */
void join_session(const char *text, char **environment);

#endif
