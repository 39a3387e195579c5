/*
 * tfhelper: the pid that the user knows. It runs the server as its child,
 * starts it again when an upgrade is asked for, and ends as the server ends.
 * Given another command than `run`, it talks to the one that does.
 */
#include <stddef.h>

#include "helper/base/streams.h"
#include "helper/commands/commands.h"
#include "helper/kernel/own_program.h"

int main(int argc, char **argv)
{
    const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;

    open_missing_streams();
    note_own_program(argv);
    if (command)
        return command->run(argc - 1, argv + 1);
    return run_command(argc, argv);
}
