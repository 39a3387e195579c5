/* Whoever dies, the program runs on: the one that answers when the helper cannot any more. */
#ifndef TFHELPER_HOLDER_H
#define TFHELPER_HOLDER_H

#include <stdbool.h>

struct carrier;
struct seccomp_notif;

/*
 * Fork a holder of `notify`. It waits for the end of the helper, and from then on lets every call
 * pass: without it, each bind() and listen() would fail with ENOSYS, for as long as the program
 * lives. `request` is memory that both share: the call in the helper's hands at its end.
 * It ends when no process has that filter any more.
 */
bool start_holder(int notify, struct seccomp_notif *request);

/*
 * Memory that a holder will share, and the helper that is executed in our place: a file of that
 * size, or -1, and what maps it, or NULL, each with errno set. Both are the caller's to end.
 */
int open_shared_request(void);
struct seccomp_notif *map_shared_request(int file);
void end_shared_request(struct seccomp_notif *request);

/* Those that there are, which stay when another helper comes: helper/base/carry.h. */
void carry_holders(struct carrier *carrier);

#endif
