/* Bytes that nobody can guess. */
#ifndef TFHELPER_RANDOM_H
#define TFHELPER_RANDOM_H

#include <stddef.h>

/* Fill in so many. 0, or -1 with errno set: then nothing of them is to be used. */
int read_random(void *bytes, size_t count);

#endif
