/* A file without a name, for what is given to others by its descriptor. */
#ifndef TFHELPER_MEMORY_FILE_H
#define TFHELPER_MEMORY_FILE_H

/*
 * A descriptor of an empty file that can be read and written, closed on exec; the caller's. `name`
 * is what /proc shows. -1 with errno set.
 */
int open_memory_file(const char *name);

/* The same, to which fcntl(2) can add seals. There is no other place for such a file. */
int open_sealable_file(const char *name);

#endif
