/* The arguments of those commands that talk to a service: options, and the PID. */
#ifndef TFHELPER_ARGUMENTS_H
#define TFHELPER_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

struct arguments {
    bool drained;
    bool json;
    bool metrics;
    bool watch;
    bool self;
    int64_t hold;      /* nanoseconds; 0: do not */
    int generation;    /* 0: none was named */
    int64_t timeout;   /* nanoseconds; 0: none */
    const char *until; /* --for */
    const char *name;  /* in front of the PID, where NAME is allowed */
    const char *pid;   /* as it was given; NULL, where "all" is allowed: none was */
};

/*
 * Read them. `allowed` names the options of this command, each with a space
 * behind it, and NAME, if an argument stands in front of the PID, and "all", if there need be none;
 * `help` is printed for --help, which ends the program. So does whatever is wrong, with EXIT_USAGE.
 */
struct arguments read_arguments(int argc, char **argv, const char *allowed, const char *help);

#endif
