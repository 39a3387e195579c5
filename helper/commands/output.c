/*
 * Nothing stands between a server and its stderr, so only a file can be read
 * again. Both generations and the helper append to it: what the helper said is
 * left out, what the old generation said meanwhile cannot be told apart.
 */
#include "output.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/base/plain.h"

enum { MOST_LINES = 10, MOST_BYTES = 8192 };

static bool begins_with(const char *line, const char *prefix)
{
    return strncmp(line, prefix, strlen(prefix)) == 0;
}

/* In JSON, whatever else the server may log: see log.c. Quotes in its own texts are escaped. */
static bool is_ours(const char *line)
{
    return begins_with(line, "tfpreload: ") ||
           (begins_with(line, "{\"time\":") && strstr(line, ",\"source\":\"tfpreload\","));
}

/* Keep pointers to the last lines that are not ours. Returns how many. */
static size_t last_lines(char *text, const char *lines[MOST_LINES])
{
    size_t count = 0;
    char *rest = text;
    const char *line;

    while ((line = strsep(&rest, "\n"))) {
        if (*line == '\0' || is_ours(line))
            continue;
        if (count == MOST_LINES)
            memmove(lines, lines + 1, --count * sizeof *lines);
        lines[count++] = line;
    }
    return count;
}

/* What a server logs may be its clients' choice. */
static void print_lines(const char *const *lines, size_t count)
{
    char plain[MOST_BYTES + 1];

    for (size_t i = 0; i < count; i++) {
        strcpy(plain, lines[i]); /* each is a part of as many bytes */
        fprintf(stderr, "    %s\n", make_plain(plain));
    }
}

static void print_file(const char *path, int64_t position)
{
    static char text[MOST_BYTES + 1];
    const char *lines[MOST_LINES];
    struct stat status;
    ssize_t size = -1;
    size_t count;
    int file = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (file != -1 && fstat(file, &status) == 0 && S_ISREG(status.st_mode)) {
        if (status.st_size - position > MOST_BYTES)
            position = status.st_size - MOST_BYTES;
        size = pread(file, text, MOST_BYTES, position);
    }
    if (file != -1)
        close(file);
    if (size == -1)
        return;
    text[size] = '\0';
    count = last_lines(text, lines);
    if (count == 0)
        fputs("nothing was written to stderr meanwhile\n", stderr);
    else
        fputs("written to stderr meanwhile:\n", stderr);
    print_lines(lines, count);
}

void print_output(pid_t helper, pid_t pid, int64_t position)
{
    char path[64];
    char target[PATH_MAX];
    ssize_t length;

    if (pid == 0) /* never executed: the reason says it all */
        return;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", helper, STDERR_FILENO);
    if (position >= 0) {
        print_file(path, position);
        return;
    }
    length = readlink(path, target, sizeof target - 1);
    target[length > 0 ? length : 0] = '\0';
    if (strncmp(target, "socket:", 7) == 0)
        fprintf(stderr,
                "its stderr is a socket, of the journal under systemd: "
                "journalctl _PID=%d\n",
                pid);
    else if (strncmp(target, "pipe:", 5) == 0)
        fputs("its stderr is a pipe: look where that leads\n", stderr);
    else if (*target)
        fprintf(stderr, "its stderr is %s: look there\n", make_plain(target));
}
