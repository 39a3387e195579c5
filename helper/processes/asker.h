/* Who has asked for something, as the log says it. */
#ifndef TFHELPER_ASKER_H
#define TFHELPER_ASKER_H

#include <sys/types.h>

enum { ASKER_TEXT = 160 };

/*
 * "process 4711 (bash), user 0". A pid of 0 is that of a process which cannot be seen
 * from here: of a host, say. `user`: -1 where that is not known.
 */
void write_asker(char text[ASKER_TEXT], pid_t pid, int user);

/* "SIGHUP of process 4711 (bash), user 0". */
void write_signaller(char text[ASKER_TEXT], int number, pid_t pid, int user);

#endif
