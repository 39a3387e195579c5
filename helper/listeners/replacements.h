/* What retired listeners are replaced with. */
#ifndef TFHELPER_REPLACEMENTS_H
#define TFHELPER_REPLACEMENTS_H

/*
 * A socket for each `enum replacement` that listens and that nobody can reach.
 * They stay the helper's; made on first use. NULL with errno set on failure.
 */
const int *open_replacements(void);

/* Another one, blocking with `extra` 0, which the caller owns. -1 with errno set. */
int open_deaf_listener(int extra);

/*
 * The same, which we can open for a call of our own: 0, or -1 with errno, as without CAP_NET_RAW.
 * It is closed again by bind_to_no_interface().
 */
int open_closed_listener(int extra);
int open_door(int fd);

/*
 * Another one, blocking, at which so many clients have called and hung up already: who was told of
 * a client by poll() and comes to accept() gets one of these. -1 with errno set.
 */
int open_hung_up_listener(int clients);

/* Call at a listener. A descriptor, not connected yet maybe, which the caller owns; -1 with errno.
 */
int call(int fd);

/* The same, and hang up at once. 0, or -1 with errno. */
int call_and_hang_up(int fd);

/* A datagram socket that is bound nowhere, and receives nothing should it ever be. As above. */
int open_deaf_datagram_socket(int family);

/* Close them: no generation is retiring any more. */
void close_replacements(void);

/* Let no new client reach this TCP socket, for good. 0, or -1 with errno. */
int bind_to_no_interface(int fd);

#endif
