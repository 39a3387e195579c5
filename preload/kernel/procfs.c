/*
 * /proc is where the kernel says what this process holds and does. These readers run
 * in a signal handler, too: they use the stack, raw system calls, and memory from the
 * kernel where a line is long. What the lines mean is for proc_text.c.
 */
#include "procfs.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "kernel.h"
#include "proc_text.h"

int (*open_elsewhere)(const char *path, int *used);

/* What getdents64(2) fills in; libc does not declare it. */
struct directory_entry {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

/* One line; it begins in the reader's stack, and a longer one moves to memory of its own. */
struct line {
    char *text;
    size_t length;
    size_t room;
    char short_text[256];
};

/* Returns false with errno set where there is no memory: then the line cannot be read at all. */
static bool make_line_longer(struct line *line)
{
    bool is_short = line->text == line->short_text;
    size_t room = is_short ? 4096 : line->room * 2;
    char *text = is_short ? kernel_map(room) : kernel_remap(line->text, line->room, room);

    if (!text)
        return false;
    if (is_short)
        memcpy(text, line->short_text, line->length);
    line->text = text;
    line->room = room;
    return true;
}

static bool add_to_line(struct line *line, const char *text, size_t size)
{
    while (line->room - line->length < size)
        if (!make_line_longer(line))
            return false;
    memcpy(line->text + line->length, text, size);
    line->length += size;
    return true;
}

/*
 * A line that is in the buffer as a whole is not copied: an epoll set has thousands. Returns
 * false when visit() wants no more, and with *error set when a line could not be kept.
 */
static bool split_lines(struct line *line, char *text, size_t size,
                        bool (*visit)(const char *line, void *argument), void *argument, int *error)
{
    const char *whole = text;

    for (char *end; (end = memchr(text, '\n', size)); whole = text) {
        *end++ = '\0';
        if (line->length > 0) {
            if (!add_to_line(line, text, (size_t)(end - text))) {
                *error = errno;
                return false;
            }
            whole = line->text;
            line->length = 0;
        }
        size -= (size_t)(end - text);
        text = end;
        if (!visit(whole, argument))
            return false;
    }
    if (size == 0 || add_to_line(line, text, size))
        return true;
    *error = errno;
    return false;
}

/* Closes the file. */
static int read_lines(int file, bool (*visit)(const char *line, void *argument), void *argument)
{
    char buffer[1024];
    struct line line = {.length = 0};
    ssize_t size = 0;
    int error = 0;

    line.text = line.short_text;
    line.room = sizeof line.short_text;
    while ((size = kernel_read(file, buffer, sizeof buffer)) > 0)
        if (!split_lines(&line, buffer, (size_t)size, visit, argument, &error))
            break;
    if (size < 0)
        error = errno;
    kernel_close(file);
    if (line.text != line.short_text)
        kernel_unmap(line.text, line.room);
    errno = error ? error : errno;
    return error ? -1 : 0;
}

int for_each_line(int proc, const char *path, bool (*visit)(const char *line, void *argument),
                  void *argument)
{
    int used;
    int file = proc == PROC_ELSEWHERE ? open_elsewhere(path, &used)
                                      : kernel_openat(proc, path, O_RDONLY | O_CLOEXEC);

    return file == -1 ? -1 : read_lines(file, visit, argument);
}

struct elsewhere {
    bool (*visit)(int number, void *argument);
    void *argument;
    int used;
};

static bool visit_number(const char *line, void *argument)
{
    const struct elsewhere *elsewhere = argument;
    int number = parse_entry(line);

    return number == -1 || number == elsewhere->used ||
           elsewhere->visit(number, elsewhere->argument);
}

static int for_each_number_elsewhere(const char *path, bool (*visit)(int number, void *argument),
                                     void *argument)
{
    struct elsewhere elsewhere = {visit, argument, -1};
    int file = open_elsewhere(path, &elsewhere.used);

    if (strcmp(path, "fd") != 0)
        elsewhere.used = -1;
    return file == -1 ? -1 : read_lines(file, visit_number, &elsewhere);
}

int for_each_number(int proc, const char *path, bool (*visit)(int number, void *argument),
                    void *argument)
{
    _Alignas(struct directory_entry) char buffer[1024];
    int directory =
        proc == PROC_ELSEWHERE ? -1 : kernel_openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool descriptors = strcmp(path, "fd") == 0;
    bool more = true;
    long size = 0;

    if (proc == PROC_ELSEWHERE)
        return for_each_number_elsewhere(path, visit, argument);
    if (directory == -1)
        return -1;
    while (more && (size = kernel_getdents(directory, buffer, sizeof buffer)) > 0) {
        for (long at = 0; more && at < size;) {
            const struct directory_entry *entry = (const void *)(buffer + at);
            int number = parse_entry(entry->name);

            if (number != -1 && !(descriptors && (number == directory || number == proc)))
                more = visit(number, argument);
            at += entry->length;
        }
    }
    kernel_close(directory);
    return size < 0 ? -1 : 0;
}

bool is_gone(int error)
{
    return error == ENOENT || error == ESRCH;
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
