/* tfhelper check: what would come of running a program. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "helper/base/plain.h"
#include "helper/base/usage.h"
#include "helper/check/fitness.h"
#include "helper/settings/settings.h"

static const char help[] =
    "usage: tfhelper check [OPTION]... COMMAND|FILE...\n"
    "Say whether each program can be upgraded, without running it, and why: a line with\n"
    "the verdict, then a line for each finding, with what to do about it.\n\n"
    "      --library PATH       the library to preload (libtfpreload.so beside tfhelper)\n"
    "                           [TFPRELOAD_LIBRARY]\n"
    "  -h, --help               this text\n\n"
    "A name without a slash is looked up in PATH. Privileges that a program would gain are\n"
    "those that the user who asks would.\n\n"
    "Exit status, the worst where there are several programs: 0 can be upgraded,\n"
    "5 doubtful, 1 cannot be upgraded, 126 cannot be executed, 127 not found; 2 usage.\n"
    "1 as well if stdout cannot be written to.\n";

static const struct {
    const char *text;
    int status;
} verdicts[] = {
    [FIT] = {"can be upgraded", 0},
    [DOUBTFUL] = {"doubtful", EXIT_DOUBTFUL},
    [UNFIT] = {"cannot be upgraded", EXIT_REFUSED},
    [NOT_EXECUTABLE] = {"cannot be executed", EXIT_NOT_EXECUTABLE},
    [NOT_FOUND] = {"not found", EXIT_NOT_FOUND},
};

/* Returns the library that was named, or would be found; NULL if there is none. */
static const char *read_check_arguments(int argc, char **argv)
{
    static const struct option options[] = {
        {"library", required_argument, NULL, 'l'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *library = getenv("TFPRELOAD_LIBRARY");
    int found;

    name_command(argv[0]);
    opterr = 0;
    while ((found = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (found == 'h') {
            fputs(help, stdout);
            exit(0);
        }
        if (found == ':')
            usage_error("%s: an argument is missing", argv[optind - 1]);
        if (found != 'l')
            usage_error("%s: unknown option of check", argv[optind - 1]);
        library = optarg;
    }
    if (optind == argc)
        usage_error("check takes a command, or the path of a program");
    return library && *library ? library : find_library();
}

static enum verdict check(const char *command, const char *library)
{
    char *findings = NULL;
    size_t size;
    FILE *file = open_memstream(&findings, &size);
    enum verdict verdict = FIT;
    char *line;

    if (file) {
        verdict = judge_program(command, library, file);
        fclose(file);
    }
    if (!findings)
        end_with_error(EXIT_REFUSED, "out of memory");
    printf("%s: %s\n", command, verdicts[verdict].text);
    for (char *rest = findings; (line = strsep(&rest, "\n"));)
        if (*line)
            printf("    %s\n", make_plain(line));
    free(findings);
    return verdict;
}

int check_command(int argc, char **argv)
{
    const char *library = read_check_arguments(argc, argv);
    enum verdict worst = FIT;

    for (; optind < argc; optind++) {
        enum verdict verdict = check(argv[optind], library);

        if (verdict > worst)
            worst = verdict;
    }
    flush_output();
    return verdicts[worst].status;
}
