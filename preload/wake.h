/* Threads that wait on a socket which is not behind its number any more. */
#ifndef TFPRELOAD_WAKE_H
#define TFPRELOAD_WAKE_H

struct survey;

/*
 * Let every other thread of this process that waits in accept() or a receive on
 * a number of the survey look up what is behind it now. `proc` is from
 * open_proc_self(). Returns 0, or -1 with errno set. Async-signal-safe.
 */
int wake_accepting_threads(const struct survey *survey, int proc);

#endif
