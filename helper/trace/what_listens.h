/* What a generation that runs already listens on: it has told nobody, so its sockets are asked. */
#ifndef TFHELPER_WHAT_LISTENS_H
#define TFHELPER_WHAT_LISTENS_H

#include <sys/types.h>

struct trace;

/*
 * Note, as bound, what listens of all that its processes have open, and the datagram sockets that
 * clients come to. Returns 0; or an errno, with the process in `denied` that does not let its
 * descriptors be taken: then something may be missing.
 */
int note_what_listens(struct trace *trace, pid_t *denied);

#endif
