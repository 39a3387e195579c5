/* Finding the helper of a daemon, which is not above it. */
#ifndef TFHELPER_FIND_WATCHER_H
#define TFHELPER_FIND_WATCHER_H

#include <sys/types.h>

/* The helper that watches this process as one of its own, or 0. */
pid_t find_watcher(pid_t pid);

#endif
