/* Threads that wait on a socket which is not behind its number any more. */
#ifndef TFPRELOAD_WAKE_H
#define TFPRELOAD_WAKE_H

struct scan;

/*
 * Let every other thread of this process that waits in accept() or a receive on
 * a number of the scan look up what is behind it now. `proc` is from
 * open_proc_self(). Returns 0, or -1 with errno set. Async-signal-safe.
 */
int wake_accepting_threads(const struct scan *scan, int proc);

/* The same, and every thread that waits in poll() or select(), whatever for: as soon as it begins
 * again, it looks up what is behind its numbers now. */
int wake_waiting_threads(const struct scan *scan, int proc);

#endif
