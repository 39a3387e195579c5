#include "procfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "memory.h"

ssize_t read_proc_file(pid_t pid, const char *name, char *text, size_t size)
{
    char path[96];
    size_t used = 0;
    ssize_t part = 0;
    int file;

    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    file = open(path, O_RDONLY | O_CLOEXEC);
    text[0] = '\0';
    if (file == -1)
        return -1;
    while (used < size - 1 && (part = read(file, text + used, size - 1 - used)) > 0)
        used += (size_t)part;
    close(file);
    text[used] = '\0';
    return part < 0 ? -1 : (ssize_t)used;
}

unsigned long long status_number(const char *status, const char *name, int base)
{
    const char *field = strstr(status, name);

    return field ? strtoull(field + strlen(name), NULL, base) : 0;
}

bool read_uids(pid_t pid, uid_t *real, uid_t *saved)
{
    char status[PROC_FILE_SIZE];
    const char *field;

    if (read_proc_file(pid, "status", status, sizeof status) <= 0)
        return false;
    field = strstr(status, "\nUid:"); /* real, effective, saved and that for files: proc(5) */
    return field && sscanf(field, "\nUid: %u %*u %u", real, saved) == 2;
}

pid_t parent_of(pid_t pid)
{
    char text[PROC_FILE_SIZE];
    const char *field;
    int parent;

    if (read_proc_file(pid, "stat", text, sizeof text) <= 0)
        return 0;
    field = strrchr(text, ')'); /* the name may hold anything: proc(5) */
    return field && sscanf(field + 1, " %*c %d", &parent) == 1 ? (pid_t)parent : 0;
}

int64_t age_of(pid_t pid)
{
    char text[PROC_FILE_SIZE];
    const char *field;
    unsigned long long started; /* proc(5) stat, the 22nd: in clock ticks since boot */
    struct timespec since_boot;

    if (read_proc_file(pid, "stat", text, sizeof text) <= 0)
        return -1;
    field = strrchr(text, ')');
    if (!field || sscanf(field + 1,
                         " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
                         "%*d %*d %llu",
                         &started) != 1)
        return -1;
    clock_gettime(CLOCK_BOOTTIME, &since_boot);
    return since_boot.tv_sec * SECOND + since_boot.tv_nsec -
           (int64_t)started * (SECOND / sysconf(_SC_CLK_TCK));
}

size_t list_threads(pid_t pid, pid_t **threads)
{
    char path[64];
    const struct dirent *entry;
    size_t count = 0;
    DIR *directory;

    *threads = NULL;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    directory = opendir(path);
    if (!directory)
        return 0;
    while ((entry = readdir(directory))) {
        pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);

        if (thread <= 0)
            continue;
        *threads = grow(*threads, count + 1, sizeof **threads);
        (*threads)[count++] = thread;
    }
    closedir(directory);
    return count;
}

/* `empty`: nothing at all is open there. Returns what list_sockets() does. */
static int list_directory(const char *path, pid_t pid, struct open_socket **sockets, size_t *count,
                          bool *empty)
{
    const struct dirent *entry;
    DIR *directory = opendir(path);
    bool denied = false;

    *empty = true;
    if (!directory)
        return -1;
    errno = 0;
    while ((entry = readdir(directory))) {
        char target[64];
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, target, sizeof target - 1);
        unsigned long long inode;

        *empty &= entry->d_name[0] == '.';
        /* root may list the directory without CAP_SYS_PTRACE, and not follow its links */
        denied |= length == -1 && errno == EACCES && strspn(entry->d_name, "0123456789") > 0;
        if (length <= 0)
            continue;
        target[length] = '\0';
        if (sscanf(target, "socket:[%llu]", &inode) != 1)
            continue;
        *sockets = grow(*sockets, *count + 1, sizeof **sockets);
        (*sockets)[(*count)++] =
            (struct open_socket){inode, pid, (int)strtol(entry->d_name, NULL, 10)};
    }
    closedir(directory);
    errno = denied ? EACCES : 0;
    return denied ? -1 : 0;
}

/* Where main() has ended by pthread_exit(3), only its other threads have descriptors. */
int list_sockets(pid_t pid, struct open_socket **sockets, size_t *count)
{
    char path[64];
    bool empty;
    pid_t *threads = NULL;
    size_t thread_count = 0;
    int result;

    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    result = list_directory(path, pid, sockets, count, &empty);
    if (result == 0 && empty)
        thread_count = list_threads(pid, &threads);
    for (size_t i = 0; i < thread_count && result == 0 && empty; i++) {
        snprintf(path, sizeof path, "/proc/%d/task/%d/fd", pid, threads[i]);
        result = list_directory(path, pid, sockets, count, &empty);
    }
    free(threads);
    return result;
}
