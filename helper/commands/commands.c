#include "commands.h"

#include <string.h>

const struct command commands[] = {
    {"run", "[OPTION]... [--] COMMAND [ARGUMENT]...", "run COMMAND, and upgrade it on SIGHUP",
     run_command},
    {"adopt", "[OPTION]... PID [--] COMMAND [ARGUMENT]...",
     "run COMMAND in the place of a server that runs already", adopt_command},
    {"upgrade", "[OPTION]... PID", "upgrade a service, and wait for the outcome", upgrade_command},
    {"status", "[OPTION]... PID", "show generations, connections, listeners, settings",
     status_command},
    {"wait", "[OPTION]... PID", "wait until a service is ready, drained or gone", wait_command},
    {"commit", "[OPTION]... PID", "stay with a new version while the old one is kept",
     commit_command},
    {"rollback", "[OPTION]... PID", "go back to the generation before", rollback_command},
    {"signal", "[OPTION]... NAME PID", "send a signal to every generation of a server",
     signal_command},
    {"stop", "[OPTION]... PID", "end a service once its connections are finished", stop_command},
    {"check", "[OPTION]... COMMAND|FILE...", "say whether programs can be upgraded", check_command},
};

const size_t command_count = sizeof commands / sizeof *commands;

const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}
