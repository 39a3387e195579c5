/* What a socket is, by the kernel's own lists, where no process can say so. */
#ifndef TFHELPER_JUDGEMENT_H
#define TFHELPER_JUDGEMENT_H

#include <stdbool.h>
#include <stddef.h>

struct endpoint;
struct look;
struct unix_socket;

/*
 * Nobody that holds these sockets can say what they are: search through the kernel's lists. False
 * if these could not be read now, and another try may tell.
 */
bool judge_from_outside(struct look *look, const unsigned long long *inode, size_t count);

/*
 * A process that neither may be looked into nor can be asked: whatever has been
 * accepted on the ports by now is taken for the generation's own. Its successor
 * may have accepted some of it, which makes it drain a little longer. False as above.
 */
bool take_all(struct look *look);

/* Is it a connection of this listener? */
bool came_in_at(const struct unix_socket *socket, const struct endpoint *endpoint);

#endif
