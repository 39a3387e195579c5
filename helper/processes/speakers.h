/* Who is in the middle of saying something: an answer that has begun and is not complete. */
#ifndef TFHELPER_SPEAKERS_H
#define TFHELPER_SPEAKERS_H

#include <stdbool.h>
#include <sys/types.h>

/* A process has opened a connection, or said something over one; or closed one. */
void speaker_came(pid_t pid);
void speaker_heard(pid_t pid);
void speaker_left(pid_t pid);

/* Has it a connection, over which it has been heard lately? */
bool is_speaking(pid_t pid);

#endif
