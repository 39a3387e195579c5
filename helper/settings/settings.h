/* What the operator may choose: each setting is a variable and an option. */
#ifndef TFHELPER_SETTINGS_H
#define TFHELPER_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper/base/log.h"
#include "setting_values.h"

struct settings {
    int upgrade_signal;
    int stop_signal;
    int retire_signal;     /* 0: none */
    int64_t ready_timeout; /* nanoseconds, as all durations in the helper */
    int64_t exit_timeout;
    int64_t stop_timeout; /* after the stop signal, until SIGKILL */
    int64_t idle;         /* a connection that is quiet so long is ended; 0: none is */
    int64_t udp;          /* a datagram peer that is silent so long is the new one's; 0: all are */
    int max_generations;  /* that serve or drain */
    int64_t bake;         /* how long the old generation is kept in any case */
    enum restart restart;
    enum choice overlap; /* may two generations live at once? */
    struct readiness ready;
    const char *shared_files; /* paths with colons between them, of what two generations may lock */
    enum choice alone;        /* does a generation that starts not see its predecessor? */
    int ready_fd;             /* tell our own supervisor here, with a newline; -1: nobody */
    const char *pidfile;      /* NULL: none, as for all paths here */
    const char *hook;         /* run at each event */
    const char *env_file;     /* read again at each start */
    const char *directory;    /* found anew at each start */
    enum log_level log_level;
    enum log_format log_format;
    enum way way;
    const char *library; /* what LD_PRELOAD must hold; NULL: it already does */
    const char *file;    /* execute this path; NULL: look command[0] up as a shell would */
    char **command;      /* the server's argv */
};

extern struct settings settings;

/*
 * Fill `settings` from the defaults, the environment and the options, in that
 * order. A bad variable costs one warning; a bad option ends the program with
 * EXIT_USAGE. --help, which calls help(), and --version end it with 0.
 */
void read_settings(int argc, char **argv, void (*help)(void));

/* Print a line or two for each setting, for a help text. */
void print_setting_options(void);

/* The library beside tfhelper as built, or in lib as installed; NULL if it is at neither place. */
const char *find_library(void);

/*
 * The k-th setting, for whoever shows what is in force: its option's name, and
 * its value as text. False when there are fewer.
 */
bool nth_setting(size_t k, const char **name, char *value, size_t size);

#endif
