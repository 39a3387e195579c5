#include "usage.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plain.h"

enum { MOST_TEXT = 2 * PATH_MAX };

/* What is in it may be a stranger's: the terminal is not to obey it. */
__attribute__((format(printf, 1, 0))) static void print_line(const char *format, va_list arguments)
{
    char text[MOST_TEXT];

    vsnprintf(text, sizeof text, format, arguments);
    fprintf(stderr, "tfhelper: %s\n", make_plain(text));
}

static const char *command = "";

void name_command(const char *name)
{
    command = name;
}

void usage_error(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
    fprintf(stderr, "Try 'tfhelper %s%s--help'.\n", command, *command ? " " : "");
    exit(EXIT_USAGE);
}

void end_with_error(int status, const char *format, ...)
{
    va_list arguments;

    fflush(stdout);
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
    exit(status);
}

void flush_output(void)
{
    if (fflush(stdout) == EOF || ferror(stdout))
        end_with_error(EXIT_REFUSED, "cannot write to stdout: %s", strerror(errno));
}
