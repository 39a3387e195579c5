/* What a retired datagram socket becomes. */
#ifndef TFPRELOAD_DEAF_SENDER_H
#define TFPRELOAD_DEAF_SENDER_H

/*
 * A socket that receives nothing, and sends from where `service` is bound, if the kernel lets it:
 * of what `service` must allow, see helper/listeners/inheritance.h. -1 with errno set.
 * Async-signal-safe.
 */
int open_deaf_sender(int service);

#endif
