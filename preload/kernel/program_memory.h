/* Where a program points, before the kernel has said whether it may be read or written. */
#ifndef TFPRELOAD_PROGRAM_MEMORY_H
#define TFPRELOAD_PROGRAM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Copy `size` bytes from where the program points. False if that cannot be
 * read: the kernel would say EFAULT, and we must not crash. Keeps errno.
 */
bool read_program_memory(void *to, const void *from, size_t size);

/* The same in the other direction: `to` is the program's. */
bool write_program_memory(void *to, const void *from, size_t size);

#endif
