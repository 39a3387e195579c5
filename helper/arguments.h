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
    int64_t timeout;   /* nanoseconds; 0: none */
    const char *until; /* --for */
    const char *pid;   /* as it was given */
};

/*
 * Read them. `allowed` names the options of this command, each with a space
 * behind it; `help` is printed for --help, which ends the program. So does
 * whatever is wrong, with EXIT_USAGE.
 */
struct arguments read_arguments(int argc, char **argv, const char *allowed, const char *help);

#endif
