#include "procfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "helper/base/clock.h"
#include "helper/base/memory.h"
#include "preload/kernel/file_status.h"

/* Most files fit into the first; nobody's environment is to occupy us for good. */
enum { FIRST_ROOM = 4096, LASTING_ROOM = 64 * 1024, MOST_ROOM = 64 * 1024 * 1024 };

static struct {
    char *text;
    size_t room;
} page;

static bool make_room(size_t room)
{
    char *text = room > MOST_ROOM ? NULL : realloc(page.text, room);

    if (!text) {
        errno = ENOMEM;
        return false;
    }
    page.text = text;
    page.room = room;
    return true;
}

/* Into the page, which grows. Returns how much, or -1 with errno set. */
static ssize_t read_whole(int file)
{
    size_t used = 0;

    for (;;) {
        ssize_t part;

        if (page.room - used < 2 && !make_room(page.room * 2))
            return -1;
        part = read(file, page.text + used, page.room - used - 1);
        if (part == -1 && errno == EINTR)
            continue;
        if (part <= 0) {
            page.text[used] = '\0';
            return part == 0 ? (ssize_t)used : -1;
        }
        used += (size_t)part;
    }
}

const char *read_proc_file(pid_t pid, const char *name, size_t *size)
{
    char path[96];
    ssize_t length;
    int file;
    int error;

    if ((page.room == 0 || page.room > LASTING_ROOM) && !make_room(FIRST_ROOM))
        return NULL;
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    file = open(path, O_RDONLY | O_CLOEXEC);
    if (file == -1)
        return NULL;
    length = read_whole(file);
    error = errno;
    close(file);
    errno = error;
    if (length == -1)
        return NULL;
    if (size)
        *size = (size_t)length;
    return page.text;
}

/* What becomes of a look: a text that says nothing that we understand is one of these. */
static enum lookup understood(bool understands)
{
    if (understands)
        return IS_THERE;
    errno = EBADMSG;
    return CANNOT_TELL;
}

enum lookup read_stat(pid_t pid, struct proc_stat *stat)
{
    const char *text = read_proc_file(pid, "stat", NULL);

    return text ? understood(parse_stat(text, stat)) : failed_look(errno);
}

static enum lookup read_status_file(pid_t pid, const char *name, struct proc_status *status)
{
    const char *text = read_proc_file(pid, name, NULL);

    return text ? understood(parse_status(text, status)) : failed_look(errno);
}

enum lookup read_status(pid_t pid, struct proc_status *status)
{
    return read_status_file(pid, "status", status);
}

enum lookup read_status_of_thread(pid_t pid, pid_t thread, struct proc_status *status)
{
    char name[64];

    snprintf(name, sizeof name, "task/%d/status", thread);
    return read_status_file(pid, name, status);
}

enum lookup read_syscall(pid_t pid, pid_t thread, struct thread_call *call)
{
    char name[64];
    const char *text;

    snprintf(name, sizeof name, "task/%d/syscall", thread);
    text = read_proc_file(pid, name, NULL);
    return text ? understood(parse_syscall(text, call)) : failed_look(errno);
}

void read_command(pid_t pid, char name[COMMAND_SIZE])
{
    const char *text = read_proc_file(pid, "comm", NULL);

    snprintf(name, COMMAND_SIZE, "%s", text ? text : "");
    name[strcspn(name, "\n")] = '\0';
}

bool read_uids(pid_t pid, uid_t *real, uid_t *saved)
{
    struct proc_status status = {0};

    if (read_status(pid, &status) != IS_THERE)
        return false;
    *real = status.real;
    *saved = status.saved;
    return true;
}

uint64_t start_of(pid_t pid)
{
    struct proc_stat stat = {0};

    return read_stat(pid, &stat) == IS_THERE ? stat.started : 0;
}

pid_t process_of(pid_t thread)
{
    const char *text = thread > 0 ? read_proc_file(thread, "status", NULL) : NULL;
    uint64_t process;

    return text && parse_field(text, "Tgid:", 10, &process) ? (pid_t)process : 0;
}

pid_t parent_of(pid_t pid)
{
    struct proc_stat stat = {0};

    return read_stat(pid, &stat) == IS_THERE ? stat.parent : 0;
}

bool shares_pids(pid_t pid)
{
    char path[64];
    struct stat theirs;
    struct stat ours;

    snprintf(path, sizeof path, "/proc/%d/ns/pid", pid);
    return stat(path, &theirs) == -1 || stat("/proc/self/ns/pid", &ours) == -1 ||
           theirs.st_ino == ours.st_ino;
}

int64_t age_of(pid_t pid)
{
    struct proc_stat stat = {0};
    struct timespec since_boot;

    if (read_stat(pid, &stat) != IS_THERE)
        return -1;
    clock_gettime(CLOCK_BOOTTIME, &since_boot);
    return since_boot.tv_sec * SECOND + since_boot.tv_nsec -
           (int64_t)stat.started * (SECOND / sysconf(_SC_CLK_TCK));
}

enum lookup read_fdinfo(pid_t pid, int fd, const char *label, uint64_t *value)
{
    char name[64];
    const char *text;

    snprintf(name, sizeof name, "fdinfo/%d", fd);
    text = read_proc_file(pid, name, NULL);
    if (!text)
        return failed_look(errno);
    return parse_field(text, label, 10, value) ? IS_THERE : IS_GONE;
}

enum lookup has_mapped(pid_t pid, const char *word)
{
    char path[64];
    FILE *maps;
    char *line = NULL;
    size_t room = 0;
    enum lookup found = IS_GONE;

    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    maps = fopen(path, "re");
    if (!maps)
        return failed_look(errno);
    while (found == IS_GONE && getline(&line, &room, maps) != -1)
        if (strstr(line, word))
            found = IS_THERE;
    if (ferror(maps))
        found = CANNOT_TELL;
    free(line);
    fclose(maps);
    return found;
}

#ifndef AT_STATX_DONT_SYNC
#define AT_STATX_DONT_SYNC 0x4000 /* <linux/fcntl.h>, which goes with no libc's */
#endif

/* The next name in a directory of /proc, NULL at its end; errno is 0 unless reading it failed. */
static const char *next_name(DIR *directory)
{
    const struct dirent *entry;

    errno = 0;
    entry = readdir(directory);
    return entry ? entry->d_name : NULL;
}

/* The number that is the whole of a name; -1 for "." and "..". */
static int number_of(const char *name)
{
    char *end;
    long number = strtol(name, &end, 10);

    return end == name || *end || number < 0 || number > INT_MAX ? -1 : (int)number;
}

/* The names in a directory that are numbers, but for 0, in memory that the caller frees. */
static enum lookup list_numbers(const char *path, pid_t **numbers, size_t *count)
{
    const char *name;
    DIR *directory;
    int error;

    *numbers = NULL;
    *count = 0;
    directory = opendir(path);
    if (!directory)
        return failed_look(errno);
    while ((name = next_name(directory))) {
        pid_t number = number_of(name);

        if (number <= 0)
            continue;
        *numbers = grow(*numbers, *count + 1, sizeof **numbers);
        (*numbers)[(*count)++] = number;
    }
    error = errno;
    closedir(directory);
    errno = error;
    return error ? failed_look(error) : IS_THERE;
}

enum lookup list_threads(pid_t pid, pid_t **threads, size_t *count)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/task", pid);
    return list_numbers(path, threads, count);
}

enum lookup list_processes(pid_t **processes, size_t *count)
{
    return list_numbers("/proc", processes, count);
}

static enum lookup read_link_at(int directory, const char *name, char target[LINK_SIZE])
{
    ssize_t length = readlinkat(directory, name, target, LINK_SIZE - 1);

    if (length == -1)
        return failed_look(errno);
    target[length] = '\0';
    return IS_THERE;
}

enum lookup read_fd_link(pid_t pid, int fd, char target[LINK_SIZE])
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
    return read_link_at(AT_FDCWD, path, target);
}

struct socket_list {
    struct open_socket **socket;
    size_t *count;
};

static void add_socket(const struct socket_list *list, unsigned long long inode, pid_t pid, int fd)
{
    *list->socket = grow(*list->socket, *list->count + 1, sizeof **list->socket);
    (*list->socket)[(*list->count)++] = (struct open_socket){inode, pid, fd};
}

/* `empty`: nothing at all is open there. */
static enum lookup list_directory(const char *path, pid_t pid, const struct socket_list *list,
                                  bool *empty)
{
    DIR *directory = opendir(path);
    const char *name;
    int error = 0;

    *empty = true;
    if (!directory)
        return failed_look(errno);
    while ((name = next_name(directory))) {
        char target[LINK_SIZE];
        unsigned long long inode;
        int fd = number_of(name);
        enum lookup found; /* IS_GONE: it has been closed since the directory was read */

        if (fd == -1)
            continue;
        *empty = false;
        found = read_link_at(dirfd(directory), name, target);
        if (found == IS_THERE && parse_socket_link(target, &inode))
            add_socket(list, inode, pid, fd);
        else if (found == CANNOT_TELL && (error == 0 || is_denied(error)))
            error = errno; /* denied where root may list a directory and not follow its links */
    }
    if (errno)
        error = errno;
    closedir(directory);
    errno = error;
    return error ? failed_look(error) : IS_THERE;
}

/* Where main() has ended by pthread_exit(3), only its other threads have descriptors. */
static enum lookup list_directories_of_threads(pid_t pid, const struct socket_list *list)
{
    pid_t *threads;
    size_t count;
    enum lookup result = list_threads(pid, &threads, &count);
    bool empty = true;

    for (size_t i = 0; i < count && result != CANNOT_TELL && empty; i++) {
        char path[64];

        snprintf(path, sizeof path, "/proc/%d/task/%d/fd", pid, threads[i]);
        result = list_directory(path, pid, list, &empty);
    }
    free(threads);
    return result;
}

// NOLINTNEXTLINE(readability-non-const-parameter): it is written through the list
enum lookup list_sockets(pid_t pid, struct open_socket **sockets, size_t *count)
{
    const struct socket_list list = {sockets, count};
    char path[64];
    bool empty;
    enum lookup result;

    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    result = list_directory(path, pid, &list, &empty);
    return result == IS_THERE && empty ? list_directories_of_threads(pid, &list) : result;
}

enum lookup has_open(pid_t pid, dev_t device, ino_t inode)
{
    char path[64];
    const char *name;
    enum lookup found = IS_GONE;
    DIR *directory;

    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    directory = opendir(path);
    if (!directory)
        return failed_look(errno);
    while (found == IS_GONE && (name = next_name(directory))) {
        struct file_status status;

        /* a file system in user space, or on another machine, must not hold us up */
        if (read_file_status(dirfd(directory), name, AT_STATX_DONT_SYNC, &status) == 0 &&
            status.device == device && status.inode == inode)
            found = IS_THERE;
    }
    if (found == IS_GONE && errno != 0)
        found = CANNOT_TELL;
    closedir(directory);
    return found;
}
