/*
 * stat(), fstat(), lstat() and fstatat() of the helper's own. glibc has these as functions since
 * 2.33 alone: a helper that asked for them would not start on an older system than the one that it
 * was built on. Times, links and blocks are left out, since nobody here asks for them.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "preload/kernel/file_status.h"

int fstatat(int directory, const char *restrict path, struct stat *restrict status, int flags)
{
    struct file_status file;

    if (read_file_status(directory, path, flags, &file) == -1)
        return -1;
    if ((ino_t)file.inode != file.inode || (uint64_t)(off_t)file.size != file.size) {
        errno = EOVERFLOW; /* as the others say, where these have 32 bits */
        return -1;
    }
    *status = (struct stat){.st_dev = file.device,
                            .st_ino = file.inode,
                            .st_mode = file.mode,
                            .st_uid = file.user,
                            .st_gid = file.group,
                            .st_size = (off_t)file.size};
    return 0;
}

int stat(const char *restrict path, struct stat *restrict status)
{
    return fstatat(AT_FDCWD, path, status, 0);
}

int lstat(const char *restrict path, struct stat *restrict status)
{
    return fstatat(AT_FDCWD, path, status, AT_SYMLINK_NOFOLLOW);
}

int fstat(int fd, struct stat *status)
{
    return fstatat(fd, "", status, AT_EMPTY_PATH);
}
