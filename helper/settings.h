/* What the operator may choose: each setting is a variable and an option. */
#ifndef TFHELPER_SETTINGS_H
#define TFHELPER_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log.h"

/* What says that a new generation is ready. */
struct readiness {
    enum {
        READY_AUTO,       /* a thread waits for clients; READY=1, where the server speaks it */
        READY_NOTIFY,     /* READY=1 alone: sd_notify(3) */
        READY_DESCRIPTOR, /* a newline on this descriptor, as s6 has it */
        READY_DELAY,      /* it has lived so long */
        READY_PROBE,      /* this command succeeds */
    } by;
    int descriptor;
    int64_t delay;
    const char *command;
};

struct settings {
    int upgrade_signal;
    int stop_signal;
    int64_t ready_timeout; /* nanoseconds, as all durations in the helper */
    int64_t exit_timeout;
    struct readiness ready;
    int ready_fd;         /* tell our own supervisor here, with a newline; -1: nobody */
    const char *pidfile;  /* NULL: none, as for all paths here */
    const char *hook;     /* run at each event */
    const char *env_file; /* read again at each start */
    enum log_level log_level;
    enum log_format log_format;
    const char *library; /* what LD_PRELOAD must hold; NULL: it already does */
    const char *file;    /* execute this path; NULL: look command[0] up as a shell would */
    char **command;      /* the server's argv */
};

extern struct settings settings;

/*
 * Fill `settings` from the defaults, the environment and the options, in that
 * order. A bad variable costs one warning; a bad option ends the program with
 * EXIT_USAGE. --help and --version end it with 0.
 */
void read_settings(int argc, char **argv);

/* The library beside tfhelper as built, or in lib as installed; NULL if it is at neither place. */
const char *find_library(void);

/*
 * The k-th setting, for whoever shows what is in force: its option's name, and
 * its value as text. False when there are fewer.
 */
bool nth_setting(size_t k, const char **name, char *value, size_t size);

#endif
