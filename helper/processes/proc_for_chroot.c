#include "proc_for_chroot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper/kernel/memory_file.h"
#include "helper/kernel/procfile.h"
#include "preload/wire/protocol.h"

/* A line takes some 80 bytes, one for each descriptor that an epoll set watches. */
enum { MOST_BYTES = 64 * 1024 * 1024 };

/* Returns whether there is anything. */
static bool copy_file(const char *path, int to)
{
    char part[16 * 1024];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = 0;
    size_t all = 0;

    if (file == -1)
        return false;
    while (all < MOST_BYTES && (size = read(file, part, sizeof part)) > 0 &&
           write(to, part, (size_t)size) == size)
        all += (size_t)size;
    close(file);
    return size == 0 && all > 0;
}

/* The numbers among the names in a directory, one a line. */
static bool copy_numbers(const char *path, int to)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    bool any = false;

    while (directory && (entry = readdir(directory)))
        if (entry->d_name[0] != '.')
            any |= dprintf(to, "%s\n", entry->d_name) > 0;
    if (directory)
        closedir(directory);
    return any;
}

/*
 * Where main() has ended by pthread_exit(3), its thread has no descriptors any
 * more, and those of the others are the process's.
 */
static bool copy_of_descriptors(pid_t pid, const char *name, bool (*copy)(const char *path, int to),
                                int to)
{
    char path[160];
    pid_t *threads = NULL;
    size_t count = 0;
    bool done = false;

    if (list_threads(pid, &threads, &count) != IS_THERE)
        return false;

    for (size_t i = 0; i < count && !done; i++) {
        snprintf(path, sizeof path, "/proc/%d/task/%d/%s", pid, threads[i], name);
        done = copy(path, to);
    }
    free(threads);
    return done;
}

static bool copy_text(pid_t pid, uint32_t what, uint64_t number, int to)
{
    char path[96];

    switch ((enum proc_text)what) {
    case PROC_DESCRIPTORS:
        return copy_of_descriptors(pid, "fd", copy_numbers, to);
    case PROC_DESCRIPTOR:
        snprintf(path, sizeof path, "fdinfo/%d", (int)number);
        return copy_of_descriptors(pid, path, copy_file, to);
    case PROC_THREADS:
        snprintf(path, sizeof path, "/proc/%d/task", pid);
        return copy_numbers(path, to);
    case PROC_SYSTEM_CALL:
        snprintf(path, sizeof path, "/proc/%d/task/%d/syscall", pid, (int)number);
        return copy_file(path, to);
    }
    return false;
}

/* What the kernel has told a program at its start: no two have got the same addresses. */
struct start {
    ElfW(auxv_t) entry[128];
    size_t count;
};

static bool read_start_of_thread(pid_t pid, pid_t thread, struct start *start)
{
    char name[48];
    size_t size;
    const char *text;

    snprintf(name, sizeof name, "task/%d/auxv", thread);
    text = read_proc_file(pid, name, &size);
    if (!text || size > sizeof start->entry)
        return false;
    memcpy(start->entry, text, size);
    start->count = size / sizeof *start->entry;
    return start->count > 0;
}

/* A thread that has ended has nothing to say: see copy_of_descriptors(). */
static bool read_start(pid_t pid, struct start *start)
{
    pid_t *threads = NULL;
    size_t count = 0;
    bool done = false;

    if (list_threads(pid, &threads, &count) != IS_THERE)
        return false;
    for (size_t i = 0; i < count && !done; i++)
        done = read_start_of_thread(pid, threads[i], start);
    free(threads);
    return done;
}

/* getauxval(3), AT_SECURE: not set by user, group or capabilities of its file. */
static bool has_gained_nothing(const struct start *start)
{
    for (size_t i = 0; i < start->count; i++)
        if (start->entry[i].a_type == AT_SECURE)
            return start->entry[i].a_un.a_val == 0;
    return false;
}

/*
 * Who may do more than its user by the file that it has executed must not be looked into by that
 * user: ptrace(2), dumpable. It may have executed something before and while it was looked at.
 */
static bool copy_text_of_equal(pid_t pid, uint32_t what, uint64_t number, int to)
{
    static struct start before;
    static struct start after;

    if (!read_start(pid, &before) || !has_gained_nothing(&before)) {
        errno = EACCES;
        return false;
    }
    errno = 0;
    if (!copy_text(pid, what, number, to))
        return false;
    if (read_start(pid, &after) && after.count == before.count &&
        memcmp(after.entry, before.entry, before.count * sizeof *before.entry) == 0)
        return true;
    errno = EACCES;
    return false;
}

int open_proc_text(pid_t pid, uint32_t what, uint64_t number)
{
    int file = open_memory_file("tfpreload");
    int error;

    if (file == -1)
        return -1;
    if (copy_text_of_equal(pid, what, number, file) && lseek(file, 0, SEEK_SET) == 0)
        return file;
    error = errno ? errno : ENOENT;
    close(file);
    errno = error;
    return -1;
}
