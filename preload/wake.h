/* Threads that wait on a socket which is not behind its number any more. */
#ifndef TFPRELOAD_WAKE_H
#define TFPRELOAD_WAKE_H

struct survey;

/*
 * Let every other thread of this process that waits in accept() or a receive on
 * a number of the survey look up what is behind it now. Changes errno;
 * async-signal-safe.
 */
void wake_accepting_threads(const struct survey *survey);

#endif
