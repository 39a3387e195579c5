/*
 * The kernel's list of unix sockets has the device of their file system, where
 * stat(2) may show another: on overlayfs, which containers run on, and in a
 * subvolume of btrfs. The inode is the same, so a path that leads to it leads
 * to the socket's file.
 *
 * The list has the path that was given to bind(2). A program that binds beside and renames then
 * (haproxy) has its clients come by another one, which nobody lists: but it is in the same
 * directory, or rename(2) would be of no use for that.
 */
#include "socket_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    ROOT_SIZE = 64,
    /* milliseconds to read; no server has its sockets among more */
    MOST_NAMES = 10000,
};

static bool is_file_of(const struct unix_socket *socket, const struct stat *status)
{
    return S_ISSOCK(status->st_mode) && (uint32_t)status->st_ino == socket->file;
}

static void take_file(struct socket_file *file, const struct stat *status, const char *directory,
                      const char *name)
{
    file->device = status->st_dev;
    file->inode = status->st_ino;
    snprintf(file->path, sizeof file->path, "%s%s", directory, name);
}

const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* A temporary or spare name is made of the one that is meant, by what is added to it. */
static bool is_better_name(const char *name, const struct socket_file *than, const char *known)
{
    if (known && strcmp(last_name(than->path), last_name(known)) == 0)
        return false;
    return (known && strcmp(name, last_name(known)) == 0) ||
           strlen(name) < strlen(last_name(than->path));
}

/* Look through what `directory` is seen as from `root`. */
static bool find_in(const struct unix_socket *socket, const char *root, const char *directory,
                    const char *known, struct socket_file *file)
{
    char path[ROOT_SIZE + SOCKET_PATH_SIZE];
    const struct dirent *entry;
    bool found = false;
    DIR *names;

    snprintf(path, sizeof path, "%s%s", root, directory);
    names = opendir(path[0] ? path : ".");
    for (int i = 0; names && i < MOST_NAMES && (entry = readdir(names)); i++) {
        struct stat status;

        if ((entry->d_type != DT_SOCK && entry->d_type != DT_UNKNOWN) ||
            (uint32_t)entry->d_ino != socket->file ||
            fstatat(dirfd(names), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == -1 ||
            !is_file_of(socket, &status) || (found && !is_better_name(entry->d_name, file, known)))
            continue;
        take_file(file, &status, directory, entry->d_name);
        found = true;
    }
    if (names)
        closedir(names);
    return found;
}

static bool leads_to(const struct unix_socket *socket, const char *root, const char *name,
                     struct socket_file *file)
{
    char path[ROOT_SIZE + SOCKET_PATH_SIZE];
    struct stat status;

    snprintf(path, sizeof path, "%s%s", root, name);
    if (stat(path, &status) == -1 || !is_file_of(socket, &status))
        return false;
    take_file(file, &status, "", name);
    return true;
}

bool find_socket_file(const struct unix_socket *socket, pid_t pid, const char *known,
                      struct socket_file *file)
{
    char root[ROOT_SIZE];
    char name[UNIX_NAME_SIZE + 1];
    char directory[UNIX_NAME_SIZE + 1];

    if (!socket->has_file || socket->name_length == 0 || socket->name[0] == '\0')
        return false;
    /* unix(7): the name of a socket need not end with NUL */
    snprintf(name, sizeof name, "%.*s", (int)socket->name_length, socket->name);
    snprintf(directory, sizeof directory, "%.*s", (int)(last_name(name) - name), name);
    /* the path may be from after a chroot or chdir, or from before it, when we saw the same */
    snprintf(root, sizeof root, name[0] == '/' ? "/proc/%d/root" : "/proc/%d/cwd/", pid);
    return leads_to(socket, root, name, file) || leads_to(socket, "", name, file) ||
           find_in(socket, root, directory, known, file) ||
           find_in(socket, "", directory, known, file);
}
