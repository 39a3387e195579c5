#include "arguments.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper/base/usage.h"
#include "helper/settings/setting_values.h"

static bool is_allowed(const char *allowed, const char *name)
{
    char word[32];

    snprintf(word, sizeof word, "%s ", name);
    return strstr(allowed, word) != NULL;
}

static const struct option options[] = {
    {"drained", no_argument, NULL, 'd'},
    {"json", no_argument, NULL, 'j'},
    {"metrics", no_argument, NULL, 'm'},
    {"watch", no_argument, NULL, 'w'},
    {"for", required_argument, NULL, 'f'},
    {"timeout", required_argument, NULL, 't'},
    {"hold", required_argument, NULL, 'o'},
    {"generation", required_argument, NULL, 'g'},
    {"self", no_argument, NULL, 's'},
    {"help", no_argument, NULL, 'h'},
    {0},
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
    case 's':
        arguments->self = true;
        break;
    case 'f':
        arguments->until = optarg;
        break;
    case 't':
        if (!read_long_timeout(optarg, &arguments->timeout))
            usage_error("--timeout %s: expected seconds greater than 0, such as 10 or 2.5", optarg);
        break;
    case 'o':
        if (!read_long_timeout(optarg, &arguments->hold))
            usage_error("--hold %s: expected seconds greater than 0, such as 300", optarg);
        break;
    case 'g':
        if (!read_generation(optarg, &arguments->generation))
            usage_error("--generation %s: expected the number of a generation", optarg);
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

    name_command(argv[0]);
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
    if (is_allowed(allowed, "NAME")) {
        if (optind != argc - 2)
            usage_error("%s takes a NAME, and one PID, or the path of a pidfile", argv[0]);
        arguments.name = argv[optind++];
    }
    if (optind == argc && is_allowed(allowed, "all"))
        return arguments;
    if (optind != argc - 1)
        usage_error("%s takes one PID, or the path of a pidfile", argv[0]);
    arguments.pid = argv[optind];
    return arguments;
}
