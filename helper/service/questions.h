/* What the library asks or tells, and what follows from it. */
#ifndef TFHELPER_QUESTIONS_H
#define TFHELPER_QUESTIONS_H

#include <stdbool.h>

struct message;
struct ucred;

/*
 * Answer one whole message of this peer on connection `fd`. `descriptor`
 * came with it, or is -1; it is owned from here on. Returns false when the
 * connection is to be closed.
 */
bool answer_message(int fd, const struct ucred *peer, const struct message *message,
                    int descriptor);

/* A message is of a version of the protocol that we do not know, but has the session's secret. */
void not_understood(const struct ucred *peer, const struct message *message);

#endif
