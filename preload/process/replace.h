/* Another socket in the place of one that the program has. */
#ifndef TFPRELOAD_REPLACE_H
#define TFPRELOAD_REPLACE_H

struct scan;

/*
 * Point descriptor `fd` at the socket of `replacement`; the number, FD_CLOEXEC
 * and the registrations that the scan found for it stay. The caller keeps
 * `replacement`. Returns 0, or -1 with errno set, and all is as before: ESTALE if the
 * program has made something else of the number since the scan; and what
 * epoll_ctl(2) and dup3(2) say. Async-signal-safe.
 */
int replace_descriptor(const struct scan *scan, int fd, int replacement);

/*
 * The same for every number of the socket that `fd` stands for. The scan is made
 * for that: it must be locked and empty. Returns 0 if `fd` is among what was
 * replaced. Async-signal-safe.
 */
int replace_socket(struct scan *scan, int fd, int replacement);

/* The same with a scan of its own, which it waits for: so not in a signal handler. */
int put_in_place(int fd, int socket);

/*
 * Have each set in which the scan has found a socket look at that one's queue anew.
 * Async-signal-safe.
 */
void renew_registrations(const struct scan *scan);

#endif
