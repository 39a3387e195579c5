#include "arguments.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "setting_values.h"
#include "usage.h"

static bool is_allowed(const char *allowed, const char *name)
{
    char word[32];

    snprintf(word, sizeof word, "%s ", name);
    return strstr(allowed, word) != NULL;
}

static const struct option options[] = {
    {"drained", no_argument, NULL, 'd'},   {"json", no_argument, NULL, 'j'},
    {"metrics", no_argument, NULL, 'm'},   {"watch", no_argument, NULL, 'w'},
    {"for", required_argument, NULL, 'f'}, {"timeout", required_argument, NULL, 't'},
    {"help", no_argument, NULL, 'h'},      {0},
};

static void take_option(struct arguments *arguments, int found)
{
    switch (found) {
    case 'd':
        arguments->drained = true;
        break;
    case 'j':
        arguments->json = true;
        break;
    case 'm':
        arguments->metrics = true;
        break;
    case 'w':
        arguments->watch = true;
        break;
    case 'f':
        arguments->until = optarg;
        break;
    case 't':
        if (!read_long_timeout(optarg, &arguments->timeout))
            usage_error("--timeout %s: expected seconds greater than 0, such as 10 or 2.5", optarg);
        break;
    default:
        break;
    }
}

/* getopt(3) names a letter in optopt; a word of one letter or more is the last that it has read. */
static _Noreturn void end_unknown(char **argv)
{
    const char *word = argv[optind - 1];

    if (optopt != 0 && strncmp(word, "--", 2) != 0)
        usage_error("-%c: unknown option of %s", optopt, argv[0]);
    usage_error("%s: unknown option of %s", word, argv[0]);
}

struct arguments read_arguments(int argc, char **argv, const char *allowed, const char *help)
{
    struct arguments arguments = {0};
    int index = 0;
    int found;

    opterr = 0;
    while ((found = getopt_long(argc, argv, ":h", options, &index)) != -1) {
        if (found == 'h') {
            fputs(help, stdout);
            exit(0);
        }
        if (found == ':')
            usage_error("%s: an argument is missing", argv[optind - 1]);
        if (found == '?')
            end_unknown(argv);
        if (!is_allowed(allowed, options[index].name))
            usage_error("--%s: unknown option of %s", options[index].name, argv[0]);
        take_option(&arguments, found);
    }
    if (optind != argc - 1)
        usage_error("%s takes one PID, or the path of a pidfile", argv[0]);
    arguments.pid = argv[optind];
    return arguments;
}
