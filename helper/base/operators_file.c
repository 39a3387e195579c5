/*
 * The kernel has this rule for directories such as /tmp alone (proc(5),
 * protected_symlinks), and Apache knows it as SymLinksIfOwnerMatch. To see whose
 * the links are, the way is gone step by step; what changes between two steps is
 * found again by the checks of the second.
 */
#include "operators_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_LINKS = 40 }; /* as many as the kernel follows: path_resolution(7) */

static const uid_t nobody_else = UINT32_MAX;

/* A way through the file system: where it has come to, and what is left of it. */
struct way {
    int at;
    char left[PATH_MAX];
    uid_t bent_by; /* whose link it has followed, of a user who is neither root nor we */
    int links;
};

static bool is_trusted(uid_t user)
{
    return user == 0 || user == geteuid();
}

static int fail(int error)
{
    errno = error;
    return -1;
}

static void step_to(struct way *way, int directory)
{
    close(way->at);
    way->at = directory;
}

static int open_start(const char *path)
{
    return open(*path == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int begin_way(struct way *way, const char *path)
{
    way->bent_by = nobody_else;
    way->links = 0;
    if (strlen(path) >= sizeof way->left)
        return fail(ENAMETOOLONG);
    strcpy(way->left, path);
    way->at = open_start(path);
    return way->at == -1 ? -1 : 0;
}

/* What the link leads to comes in front of what is left. Takes over the descriptor of the link. */
static int follow_link(struct way *way, int link, uid_t owner)
{
    char target[PATH_MAX];
    char left[PATH_MAX];
    ssize_t length = readlinkat(link, "", target, sizeof target - 1);

    close(link);
    if (length == -1)
        return -1;
    target[length] = '\0';
    if (++way->links > MOST_LINKS)
        return fail(ELOOP);
    if (!is_trusted(owner)) {
        if (way->bent_by != nobody_else && way->bent_by != owner)
            return fail(EPERM);
        way->bent_by = owner;
    }
    if (snprintf(left, sizeof left, "%s/%s", target, way->left) >= (int)sizeof left)
        return fail(ENAMETOOLONG);
    strcpy(way->left, left);
    if (*target == '/') {
        int root = open_start(target);

        if (root == -1)
            return -1;
        step_to(way, root);
    }
    return 0;
}

/* Take the next name off what is left; false if there is none. */
static bool take_name(struct way *way, char name[NAME_MAX + 1])
{
    const char *start = way->left + strspn(way->left, "/");
    size_t length = strcspn(start, "/");

    if (length == 0 || length > NAME_MAX)
        return false;
    memcpy(name, start, length);
    name[length] = '\0';
    memmove(way->left, start + length, strlen(start + length) + 1);
    return true;
}

static bool is_at_end(const struct way *way)
{
    return way->left[strspn(way->left, "/")] == '\0';
}

/* Go to the end, whatever is there. `status` gets what that is. */
static int go(struct way *way, struct stat *status)
{
    char name[NAME_MAX + 1];

    while (take_name(way, name)) {
        int next = openat(way->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

        if (next == -1)
            return -1;
        if (fstat(next, status) == -1) {
            close(next);
            return fail(EIO);
        }
        if (!S_ISLNK(status->st_mode))
            step_to(way, next);
        else if (follow_link(way, next, status->st_uid) == -1)
            return -1;
    }
    if (!is_at_end(way))
        return fail(ENAMETOOLONG);
    if (fstat(way->at, status) == -1)
        return -1;
    return way->bent_by != nobody_else && way->bent_by != status->st_uid ? fail(EPERM) : 0;
}

/* The kernel's number of a descriptor leads to what it is of, and nowhere else. */
static int open_again(int at, int flags)
{
    char path[32];

    snprintf(path, sizeof path, "/proc/self/fd/%d", at);
    return open(path, flags | O_CLOEXEC | O_NONBLOCK);
}

static const char *reason(const struct way *way)
{
    static char text[80];

    if (errno == EPERM && way->bent_by != nobody_else) {
        snprintf(text, sizeof text, "user %u has put a link to another user's file in its way",
                 (unsigned)way->bent_by);
        return text;
    }
    return errno == EMEDIUMTYPE ? "is no regular file" : strerror(errno);
}

/* Ends the way, and keeps errno. */
static int end_way(struct way *way, int result, const char **why)
{
    int error = errno;

    if (way->at != -1)
        close(way->at);
    errno = error;
    if (result == -1)
        *why = reason(way);
    errno = error;
    return result;
}

int open_operators_file(const char *path, const char **why)
{
    struct way way = {.at = -1};
    struct stat status;
    int file = begin_way(&way, path);

    if (file == 0)
        file = go(&way, &status);
    /* not even opened: that of a FIFO has an effect, that of a device may have any */
    if (file == 0 && !S_ISREG(status.st_mode))
        file = fail(S_ISDIR(status.st_mode) ? EISDIR : EMEDIUMTYPE);
    if (file == 0)
        file = open_again(way.at, O_RDONLY);
    return end_way(&way, file, why);
}

int open_operators_directory(const char *path, const char **name, const char **why)
{
    const char *slash = strrchr(path, '/');
    char directory[PATH_MAX] = ".";
    struct way way = {.at = -1};
    struct stat status;
    int result;

    *name = slash ? slash + 1 : path;
    if (slash && (size_t)(slash - path) < sizeof directory - 1)
        snprintf(directory, sizeof directory, "%.*s", (int)(slash - path) + 1, path);
    result = begin_way(&way, directory);
    if (result == 0)
        result = go(&way, &status);
    if (result == 0)
        result = fcntl(way.at, F_DUPFD_CLOEXEC, 0);
    return end_way(&way, result, why);
}

int open_own_file(int directory, const char *name)
{
    int file = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat status;

    if (file != -1 && (fstat(file, &status) == -1 || !S_ISREG(status.st_mode))) {
        close(file);
        return -1;
    }
    return file;
}

/* A sticky directory lets only owners replace what is in it. */
static const char *writer_of(const struct stat *status)
{
    static char text[32];
    bool sticky = S_ISDIR(status->st_mode) && status->st_mode & S_ISVTX;

    if (!is_trusted(status->st_uid))
        snprintf(text, sizeof text, "user %u", (unsigned)status->st_uid);
    else if (status->st_mode & S_IWOTH && !sticky)
        return "every user";
    else if (status->st_mode & S_IWGRP && !sticky && status->st_gid != 0 &&
             status->st_gid != getegid())
        snprintf(text, sizeof text, "group %u", (unsigned)status->st_gid);
    else
        return NULL;
    return text;
}

const char *other_writer(const char *path)
{
    struct stat status;
    const char *writer = NULL;
    const char *name;
    const char *why;
    int directory = open_operators_directory(path, &name, &why);

    if (directory == -1)
        return NULL;
    if (fstatat(directory, name, &status, 0) == 0)
        writer = writer_of(&status);
    if (!writer && fstat(directory, &status) == 0)
        writer = writer_of(&status);
    close(directory);
    return writer;
}

const char *other_writer_of(int file)
{
    struct stat status;

    return fstat(file, &status) == 0 ? writer_of(&status) : "somebody";
}
