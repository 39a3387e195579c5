/*
 * What the kernel says of a file: as stat(2) and its like, whose names glibc has had as functions
 * since 2.33 alone, so that a library which calls them does not load on an older system.
 */
#ifndef TFPRELOAD_FILE_STATUS_H
#define TFPRELOAD_FILE_STATUS_H

#include <stdint.h>
#include <sys/types.h>

struct file_status {
    uint64_t device; /* as makedev(3) has it, and st_dev of struct stat */
    uint64_t inode;
    uint64_t size; /* bytes */
    uint32_t mode; /* with the type: S_ISREG(3) and others */
    uint32_t user;
    uint32_t group;
};

/*
 * Of what `path` names, or with AT_EMPTY_PATH of what `directory` stands for. `flags` are those of
 * fstatat(2), or AT_STATX_DONT_SYNC, which has no effect before Linux 4.11. 0, or -1 with errno
 * as the call has set it. Async-signal-safe.
 */
int read_file_status(int directory, const char *path, int flags, struct file_status *status);

/* Of an open file. 0, or -1 with errno set. Async-signal-safe. */
int read_descriptor_status(int fd, struct file_status *status);

#endif
