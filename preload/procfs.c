/*
 * /proc is where the kernel says what this process holds and does. These
 * readers use the stack and raw system calls alone.
 */
#include "procfs.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "control.h"
#include "kernel.h"

/* What getdents64(2) fills in; libc does not declare it. */
struct directory_entry {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

static int ask_for_proc_self(void)
{
    struct message message = new_message(MESSAGE_PROC);
    int proc;

    ask_helper(open_control(), &message, &proc);
    return proc;
}

int open_proc_self(void)
{
    int proc = kernel_openat(AT_FDCWD, "/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return proc == -1 ? ask_for_proc_self() : proc;
}

int open_proc_with_descriptors(void)
{
    char path[64];
    char target[1];
    int proc = open_proc_self();
    int thread;

    if (proc == -1 ||
        kernel_readlinkat(proc, proc_path(path, "fd/", proc, ""), target, sizeof target) != -1)
        return proc;
    thread = kernel_openat(AT_FDCWD, "/proc/thread-self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (thread == -1)
        return proc;
    kernel_close(proc);
    return thread;
}

static int number_of_name(const char *name)
{
    int number = 0;

    if (*name < '0' || *name > '9')
        return -1;
    while (*name >= '0' && *name <= '9')
        number = number * 10 + (*name++ - '0');
    return *name ? -1 : number;
}

int for_each_number(int proc, const char *path, bool (*visit)(int number, void *argument),
                    void *argument)
{
    _Alignas(struct directory_entry) char buffer[1024];
    int directory = kernel_openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool descriptors = strcmp(path, "fd") == 0;
    bool more = true;
    long size = 0;

    if (directory == -1)
        return -1;
    while (more && (size = kernel_getdents(directory, buffer, sizeof buffer)) > 0) {
        for (long at = 0; more && at < size;) {
            const struct directory_entry *entry = (const void *)(buffer + at);
            int number = number_of_name(entry->name);

            if (number != -1 && !(descriptors && (number == directory || number == proc)))
                more = visit(number, argument);
            at += entry->length;
        }
    }
    kernel_close(directory);
    return size < 0 ? -1 : 0;
}

int for_each_line(int proc, const char *path, bool (*visit)(const char *line, void *argument),
                  void *argument)
{
    char buffer[512];
    char line[256];
    size_t length = 0;
    ssize_t size = 0;
    bool more = true;
    int file = kernel_openat(proc, path, O_RDONLY | O_CLOEXEC);

    if (file == -1)
        return -1;
    while (more && (size = kernel_read(file, buffer, sizeof buffer)) > 0) {
        for (ssize_t i = 0; more && i < size; i++) {
            if (buffer[i] != '\n') {
                if (length < sizeof line - 1)
                    line[length++] = buffer[i];
                continue;
            }
            line[length] = '\0';
            length = 0;
            more = visit(line, argument);
        }
    }
    kernel_close(file);
    return size < 0 ? -1 : 0;
}

char *proc_path(char path[64], const char *prefix, int number, const char *suffix)
{
    char digits[12];
    size_t count = 0;
    size_t at = strlen(prefix);

    memcpy(path, prefix, at); // NOLINT(bugprone-not-null-terminated-result): the suffix ends it
    do
        digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    while (count > 0)
        path[at++] = digits[--count];
    memcpy(path + at, suffix, strlen(suffix) + 1);
    return path;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return 16;
}

unsigned long long parse_number(const char **text, unsigned base)
{
    unsigned long long value = 0;

    while (**text == ' ' || **text == '\t')
        (*text)++;
    while ((unsigned)digit_value(**text) < base)
        value = value * base + (unsigned)digit_value(*(*text)++);
    return value;
}
