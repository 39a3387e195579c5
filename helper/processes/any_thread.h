/* Whether a generation has a thread of some kind; what that is, is the caller's to say. */
#ifndef TFHELPER_ANY_THREAD_H
#define TFHELPER_ANY_THREAD_H

#include <stdbool.h>
#include <sys/types.h>

/* Is there a thread of this generation, as of now, of which `is_so` says yes? */
bool any_thread_of(unsigned generation, bool (*is_so)(pid_t pid, pid_t thread, const void *data),
                   const void *data);

#endif
