/*
 * The kernel's list of unix sockets has the device of their file system, where
 * stat(2) may show another: on overlayfs, which containers run on, and in a
 * subvolume of btrfs. The inode is the same, so a path that leads to it leads
 * to the socket's file.
 */
#include "socket_file.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include "unix_sockets.h"

enum { PATH_SIZE = UNIX_NAME_SIZE + 64 };

/* unix(7): the name of a socket need not end with NUL. */
static bool leads_to(const struct unix_socket *socket, const char *directory, struct stat *status)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof path, "%s%.*s", directory, (int)socket->name_length, socket->name);
    return stat(path, status) == 0 && S_ISSOCK(status->st_mode) &&
           (uint32_t)status->st_ino == socket->file;
}

bool find_socket_file(const struct unix_socket *socket, pid_t pid, struct stat *status)
{
    char directory[64];

    if (!socket->has_file || socket->name_length == 0 || socket->name[0] == '\0')
        return false;
    /* the path may be from after a chroot or chdir, or from before it, when we saw the same */
    snprintf(directory, sizeof directory,
             socket->name[0] == '/' ? "/proc/%d/root" : "/proc/%d/cwd/", pid);
    return leads_to(socket, directory, status) || leads_to(socket, "", status);
}
