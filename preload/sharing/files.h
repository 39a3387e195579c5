/* Files by which a server finds that there is another one. */
#ifndef TFPRELOAD_FILES_H
#define TFPRELOAD_FILES_H

#include <stdbool.h>
#include <sys/types.h>

/* May this process find the locks and files of a predecessor? One load, mostly. */
bool has_neighbours(void);

/*
 * Another process has locked the file of `fd`. Is it the predecessor, and has the operator named
 * the file? Changes errno.
 */
bool may_share_open_file(int fd);

/*
 * open(2) and openat(2) by `call`: each returns and sets errno as they do, but that O_EXCL does not
 * find a file that this generation has removed, or that the operator has it share.
 */
int open_program_file(int (*call)(const char *, int, ...), const char *path, int flags,
                      mode_t mode);
int open_program_file_at(int (*call)(int, const char *, int, ...), int directory, const char *path,
                         int flags, mode_t mode);

#endif
