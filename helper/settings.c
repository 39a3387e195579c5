/*
 * One table says what can be set, how it is read and what is expected. A wrong
 * option stops us before anything has begun; a wrong variable must not keep a
 * server from starting.
 */
#include "settings.h"

#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../preload/protocol.h"
#include "clock.h"
#include "commands.h"
#include "setting_values.h"
#include "usage.h"

struct settings settings = {
    .upgrade_signal = SIGHUP,
    .stop_signal = SIGTERM,
    .ready_timeout = 60 * SECOND,
    .exit_timeout = 30 * SECOND,
    .ready_fd = -1,
    .log_level = LEVEL_INFO,
};

static const struct setting {
    const char *option;
    const char *argument;
    const char *variable;
    bool (*read)(const char *text, void *value);
    void (*print)(char text[VALUE_TEXT], const void *value);
    void *value;
    const char *expected;
    const char *help;
} table[] = {
    {"signal", "NAME", "TFPRELOAD_SIGNAL", read_upgrade_signal, print_signal,
     &settings.upgrade_signal, "the name of a signal that a process can catch, such as HUP or USR2",
     "signal that starts an upgrade (HUP)"},
    {"ready", "HOW", "TFPRELOAD_READY", read_readiness, print_readiness, &settings.ready,
     "auto, notify, fd:NUMBER, delay:SECONDS or exec:COMMAND",
     "what says that a generation is ready (auto)"},
    {"ready-timeout", "SECONDS", "TFPRELOAD_READY_TIMEOUT", read_long_timeout, print_timeout,
     &settings.ready_timeout, "seconds greater than 0, such as 60 or 2.5",
     "a new generation that takes longer to be ready is killed (60)"},
    {"exit-timeout", "SECONDS", "TFPRELOAD_EXIT_TIMEOUT", read_timeout, print_timeout,
     &settings.exit_timeout, "seconds, such as 30 or 0.5",
     "an old generation that drains longer is stopped (30)"},
    {"stop-signal", "NAME", "TFPRELOAD_STOP_SIGNAL", read_stop_signal, print_signal,
     &settings.stop_signal, "the name of a signal, such as TERM or QUIT",
     "signal that tells an old generation to end (TERM)"},
    {"env-file", "PATH", "TFPRELOAD_ENV_FILE", read_file_path, print_path, &settings.env_file,
     "the path of a file that can be read",
     "variables for the server, read again at each upgrade (none)"},
    {"pidfile", "PATH", "TFPRELOAD_PIDFILE", read_new_path, print_path, &settings.pidfile,
     "the path of a file, in a directory that exists",
     "holds our pid from when the service is ready to its end (none)"},
    {"ready-fd", "NUMBER", "TFPRELOAD_READY_FD", read_descriptor, print_descriptor,
     &settings.ready_fd, "the number of an open descriptor, greater than 2",
     "gets a newline when the service is ready (none)"},
    {"hook", "PROGRAM", "TFPRELOAD_HOOK", read_program, print_path, &settings.hook,
     "the path of a program that can be executed",
     "run at each event: ready, failed, retired, gone (none)"},
    {"log", "LEVEL", "TFPRELOAD_LOG", read_log_level, print_log_level, &settings.log_level,
     "error, info or debug", "how much to say on stderr: error, info or debug (info)"},
    {"log-format", "FORMAT", "TFPRELOAD_LOG_FORMAT", read_log_format, print_log_format,
     &settings.log_format, "text or json", "how to say it: text or json (text)"},
    {"library", "PATH", "TFPRELOAD_LIBRARY", read_file_path, print_path, &settings.library,
     "the path of a file that can be read",
     "the library to preload (libtfpreload.so beside tfhelper)"},
};

enum { SETTINGS = sizeof table / sizeof *table };

static void read_environment(void)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        const char *value = getenv(table[i].variable);

        if (value && *value && !table[i].read(value, table[i].value))
            log_line(LEVEL_ERROR, "%s=%s is ignored: expected %s", table[i].variable, value,
                     table[i].expected);
    }
}

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
           "Options of run:\n"
           "  -f, --file PATH          execute PATH; COMMAND is only its argv[0]\n");
    for (size_t i = 0; i < SETTINGS; i++) {
        char option[64];

        snprintf(option, sizeof option, "--%s %s", table[i].option, table[i].argument);
        printf("      %-22s %s\n                             [%s]\n", option, table[i].help,
               table[i].variable);
    }
    printf("  -h, --help               this text\n"
           "  -V, --version            the version\n\n"
           "Each setting may be given by the variable in brackets; the option wins.\n\n"
           "Exit status of run: that of COMMAND, or its signal; 2 for a wrong option,\n"
           "126 if COMMAND cannot be executed, 127 if it is not found. Of the others: 0 done,\n"
           "1 what was asked for did not come to pass, 2 usage, 3 no such service, 4 timeout,\n"
           "5 doubtful (check).\n");
}

/* Options end at the first argument that is none: the rest is the server's own. */
static void read_options(int argc, char **argv)
{
    enum { FIRST_SETTING = 256 };
    struct option options[SETTINGS + 4] = {{"file", required_argument, NULL, 'f'},
                                           {"help", no_argument, NULL, 'h'},
                                           {"version", no_argument, NULL, 'V'}};
    int found;

    for (int i = 0; i < SETTINGS; i++)
        options[3 + i] =
            (struct option){table[i].option, required_argument, NULL, FIRST_SETTING + i};
    opterr = 0;
    while ((found = getopt_long(argc, argv, "+:f:hV", options, NULL)) != -1) {
        if (found >= FIRST_SETTING) {
            const struct setting *setting = &table[found - FIRST_SETTING];

            if (!setting->read(optarg, setting->value))
                usage_error("--%s %s: expected %s", setting->option, optarg, setting->expected);
        } else if (found == 'f') {
            settings.file = optarg;
        } else if (found == 'h') {
            print_help();
            exit(0);
        } else if (found == 'V') {
            printf("tfhelper %s\n", TFP_VERSION_TEXT);
            exit(0);
        } else if (found == ':') {
            usage_error("%s: an argument is missing", argv[optind - 1]);
        } else {
            usage_error("%s: unknown option", argv[optind - 1]);
        }
    }
    if (optind == argc)
        usage_error("a command to run is missing");
    settings.command = argv + optind;
}

/* The server will see the path: no detours by "..". */
static bool find_library_in(const char *place, char path[PATH_MAX])
{
    char directory[PATH_MAX];

    return realpath(place, directory) &&
           snprintf(path, PATH_MAX, "%s/libtfpreload.so", directory) < PATH_MAX &&
           access(path, R_OK) == 0;
}

/*
 * Beside tfhelper as built, or where it was installed: by the way from here,
 * which holds in a tree that was moved as a whole, then by name.
 */
const char *find_library(void)
{
    static char path[PATH_MAX];
    char self[PATH_MAX - sizeof TFP_TO_LIBDIR];
    char place[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);

    if (length > 0) {
        self[length] = '\0';
        *strrchr(self, '/') = '\0';
        snprintf(place, sizeof place, "%s/" TFP_TO_LIBDIR, self);
        if (find_library_in(self, path) || find_library_in(place, path))
            return path;
    }
    return find_library_in(TFP_LIBDIR, path) ? path : NULL;
}

void read_settings(int argc, char **argv)
{
    read_environment();
    read_options(argc, argv);
    set_log_level(settings.log_level);
    set_log_format(settings.log_format);
    if (getenv(PRELOAD_VARIABLE)) /* the library has brought us here */
        settings.library = NULL;
    else if (!settings.library)
        settings.library = find_library();
}

bool nth_setting(size_t k, const char **name, char *value, size_t size)
{
    char text[VALUE_TEXT];

    if (k >= SETTINGS)
        return false;
    table[k].print(text, table[k].value);
    *name = table[k].option;
    snprintf(value, size, "%s", text);
    return true;
}
