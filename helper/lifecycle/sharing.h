/* Whose a socket is that several generations hold. */
#ifndef TFHELPER_SHARING_H
#define TFHELPER_SHARING_H

#include <stdbool.h>
#include <stdint.h>

struct generation;

/* May the generation end the socket with this inode, for everybody who holds it? */
bool may_shut_down(const struct generation *generation, uint64_t inode);

#endif
