/* What tfhelper can be told to do: one table, and one file for each. */
#ifndef TFHELPER_COMMANDS_H
#define TFHELPER_COMMANDS_H

#include <stddef.h>

struct command {
    const char *name;
    const char *arguments;
    const char *summary; /* one line for --help */
    int (*run)(int argc, char **argv);
};

extern const struct command commands[];
extern const size_t command_count;

/* The command with this name, or NULL. */
const struct command *find_command(const char *name);

/*
 * Each takes its own arguments, with its name in argv[0], and returns the exit
 * status; `run` and `adopt` return only through the end of the service.
 */
int run_command(int argc, char **argv);
int adopt_command(int argc, char **argv);
int upgrade_command(int argc, char **argv);
int status_command(int argc, char **argv);
int wait_command(int argc, char **argv);
int commit_command(int argc, char **argv);
int rollback_command(int argc, char **argv);
int signal_command(int argc, char **argv);
int stop_command(int argc, char **argv);
int check_command(int argc, char **argv);

#endif
