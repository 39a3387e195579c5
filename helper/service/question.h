/* One question of the library's, and how it is answered: what questions.c and sharing_questions.c
 * share. */
#ifndef TFHELPER_QUESTION_H
#define TFHELPER_QUESTION_H

#include <stdbool.h>
#include <stddef.h>

#include "preload/wire/protocol.h"

struct generation;
struct ucred;

struct question {
    int fd; /* of the connection */
    const struct ucred *peer;
    struct generation *generation; /* of the peer */
    const struct message *message; /* of a known kind, and with all its reports */
    int descriptor;                /* that came along, or -1; whoever takes it leaves -1 */
};

/*
 * In the version of the question, which the library understands. The descriptors stay the caller's.
 * False when it could not be sent: then the connection is to be closed.
 */
bool send_answer(const struct question *question, enum message_kind kind, const int *descriptors,
                 size_t count);

/* The same without descriptors. */
bool answer(const struct question *question, enum message_kind kind);

#endif
