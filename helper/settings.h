/* What the operator may choose: each setting is a variable and an option. */
#ifndef TFHELPER_SETTINGS_H
#define TFHELPER_SETTINGS_H

#include <stdint.h>

#include "log.h"

struct settings {
    int upgrade_signal;
    int stop_signal;
    int64_t ready_timeout; /* nanoseconds, as all durations in the helper */
    int64_t exit_timeout;
    enum log_level log_level;
    const char *library; /* what LD_PRELOAD must hold; NULL: it already does */
    const char *file;    /* execute this path; NULL: look command[0] up as a shell would */
    char **command;      /* the server's argv */
};

enum { EXIT_USAGE = 2, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

extern struct settings settings;

/*
 * Fill `settings` from the defaults, the environment and the options, in that
 * order. A bad variable costs one warning; a bad option ends the program with
 * EXIT_USAGE. --help and --version end it with 0.
 */
void read_settings(int argc, char **argv);

#endif
