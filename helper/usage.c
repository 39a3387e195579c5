#include "usage.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void usage_error(const char *format, ...)
{
    va_list arguments;

    fputs("tfhelper: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("\nTry 'tfhelper --help'.\n", stderr);
    exit(EXIT_USAGE);
}

void end_with_error(int status, const char *format, ...)
{
    va_list arguments;

    fflush(stdout);
    fputs("tfhelper: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(status);
}

void flush_output(void)
{
    if (fflush(stdout) == EOF || ferror(stdout))
        end_with_error(EXIT_REFUSED, "cannot write to stdout: %s", strerror(errno));
}
