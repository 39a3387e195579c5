/* tfhelper run: become the parent of a server. */
#include <stdio.h>
#include <string.h>

#include "begin_service.h"
#include "commands.h"
#include "helper/generation/generation.h"
#include "helper/lifecycle/start.h"
#include "helper/listeners/activation.h"
#include "helper/service/loop.h"
#include "helper/service/resume.h"
#include "helper/service/traced_calls.h"
#include "helper/settings/settings.h"

static void print_help(void)
{
    printf("usage: tfhelper [run] %s\n", commands[0].arguments);
    for (size_t i = 1; i < command_count; i++)
        printf("       tfhelper %s %s\n", commands[i].name, commands[i].arguments);
    printf("\n"
           "Run a server, and upgrade it without losing a connection on SIGHUP.\n\n"
           "Commands; each has a --help of its own:\n");
    for (size_t i = 0; i < command_count; i++)
        printf("  %-24s %s\n", commands[i].name, commands[i].summary);
    printf("\nPID is that of the service, or of any of its processes, or the path of a pidfile.\n\n"
           "Options of run:\n");
    print_common_options();
    printf("\nExit status of run: that of COMMAND, or its signal; 2 for a wrong option,\n"
           "126 if COMMAND cannot be executed, 127 if it is not found. Of the others: 0 done,\n"
           "1 what was asked for did not come to pass, 2 usage, 3 no such service, 4 timeout,\n"
           "5 doubtful (check).\n");
}

/* We were executed by a helper that is asked to do so, and go on where that one was. */
static _Noreturn void go_on(int argc, char **argv)
{
    trust_settings();
    read_settings(argc, argv, print_help);
    answer_traced_calls();
    resume();
    run_loop();
}

/* Could we go on with this state? The other arguments are behind the option. */
static _Noreturn void check(int argc, char **argv)
{
    const char *option = argv[1];
    int skipped = argc > 2 && strcmp(argv[2], "run") == 0 ? 2 : 1;

    argv[skipped] = argv[0];
    trust_settings();
    read_settings(argc - skipped, argv + skipped, print_help);
    check_state(option);
}

int run_command(int argc, char **argv)
{
    struct generation *first;

    if (argc > 1 && is_check(argv[1]))
        check(argc, argv);
    if (take_state())
        go_on(argc, argv);
    read_settings(argc, argv, print_help);
    require_proc();
    begin_service();
    first = new_generation();
    inherit_activated(&first->inheritance);
    start_generation(first);
    run_loop();
}
