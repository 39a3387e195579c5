/* The session: the helper and every process of the server, and the name that they know it by. */
#ifndef TFHELPER_SESSION_H
#define TFHELPER_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/wire/protocol.h"

struct carrier;

enum { SESSION_TEXT = 160 };

/* A name that nobody can guess, in hexadecimal digits. 0, or -1 with errno set. */
int make_name(char text[SESSION_NAME_LENGTH + 1]);

/* Give it a name and a secret that nobody can guess, to open its socket at once. 0, or -1 with
 * errno set. */
int name_session(void);

/* The name of the control socket in the abstract namespace, after the leading NUL. */
const char *control_name(void);

/* What every message of the library brings: its first SESSION_SECRET_LENGTH bytes count. */
const uint8_t *session_secret(void);

/* The value of SESSION_VARIABLE for a generation. */
void session_text(unsigned generation, char text[SESSION_TEXT]);

/* The generation in the value of SESSION_VARIABLE, 0 if it is of another session. */
unsigned generation_of_session(const char *text);

/*
 * Does what a process has told (the secret of its message) show that it, or whom it descends from,
 * was executed for this generation? The first half has been looked at already.
 */
bool knows_generation(unsigned generation, const uint8_t told[SECRET_LENGTH]);

/* The name, the opener and the secrets: helper/base/carry.h. */
void carry_session(struct carrier *carrier);

#endif
