/* The kernel writes these lines; a text of another shape is refused, and never half understood. */
#include "proc_text.h"

#include <limits.h>
#include <string.h>

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

int parse_entry(const char *name)
{
    int number = 0;

    if (*name == '\0')
        return -1;
    for (; *name != '\0'; name++) {
        if (*name < '0' || *name > '9' || number > (INT_MAX - 9) / 10)
            return -1;
        number = number * 10 + (*name - '0');
    }
    return number;
}

/* The value behind "NAME:" in the line. Returns whether the line has it. */
static bool parse_field(const char *line, const char *name, unsigned base, uint64_t *value)
{
    const char *at = strstr(line, name);
    const char *start;

    if (!at)
        return false;
    at += strlen(name);
    at += strspn(at, " \t");
    start = at;
    *value = parse_number(&at, base);
    return at > start;
}

int parse_watched(const char *line)
{
    unsigned long long fd;

    if (strncmp(line, "tfd:", 4) != 0)
        return -1;
    line += 4;
    line += strspn(line, " \t");
    if (*line < '0' || *line > '9')
        return -1;
    fd = parse_number(&line, 10);
    return fd > INT_MAX ? -1 : (int)fd;
}

/* proc(5): "tfd: 3 events: 19 data: ffffffff pos:0 ino:1c0f sdev:9", all but tfd in hexadecimal. */
bool parse_epoll_watch(const char *line, struct epoll_watch *watch)
{
    uint64_t events;

    watch->fd = parse_watched(line);
    if (watch->fd == -1 || !parse_field(line, "events:", 16, &events) ||
        !parse_field(line, "data:", 16, &watch->data))
        return false;
    if (!parse_field(line, "ino:", 16, &watch->inode)) /* Linux before 4.13 */
        watch->inode = 0;
    watch->events = (uint32_t)events;
    return true;
}

/*
 * proc(5): "running"; or number, six arguments, stack pointer and program counter, as in
 * "288 0x3 0x0 …"; or -1 and the last two for a thread that waits in no system call.
 */
bool parse_system_call(const char *line, struct system_call *call)
{
    *call = (struct system_call){.number = -1, .descriptor = -1};
    if (strncmp(line, "running", 7) == 0) {
        call->running = true;
        return true;
    }
    if (strncmp(line, "-1 ", 3) == 0)
        return true;
    if (*line < '0' || *line > '9')
        return false;
    call->number = (long)parse_number(&line, 10);
    if (strncmp(line, " 0x", 3) != 0)
        return false;
    line += 3;
    call->descriptor = (int)parse_number(&line, 16); /* the kernel, too, takes the lower half */
    return *line == ' ';
}
