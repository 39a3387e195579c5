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

#include "helper/base/clock.h"
#include "helper/base/usage.h"
#include "preload/wire/protocol.h"
#include "setting_values.h"

struct settings settings = {
    .upgrade_signal = SIGHUP,
    .stop_signal = SIGTERM,
    .ready_timeout = 60 * SECOND,
    .exit_timeout = 30 * SECOND,
    .stop_timeout = 5 * SECOND,
    .max_generations = 8,
    .alone = YES,
    .overlap = YES,
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
    {"exit-timeout", "SECONDS", "TFPRELOAD_EXIT_TIMEOUT", read_timeout_or_none, print_timeout,
     &settings.exit_timeout, "seconds, such as 30 or 0.5, or none",
     "an old generation that drains longer is stopped (30); none waits"},
    {"idle", "HOW", "TFPRELOAD_IDLE", read_idle, print_idle, &settings.idle,
     "close:SECONDS, such as close:5",
     "a retired generation's connections that are quiet so long are closed (none)"},
    {"udp", "HOW", UDP_VARIABLE, read_udp, print_udp, &settings.udp,
     "sessions or sessions:SECONDS, such as sessions:60",
     "an old generation keeps its datagram peers until silent: sessions[:30] (none)"},
    {"max-generations", "NUMBER", "TFPRELOAD_MAX_GENERATIONS", read_generations, print_count,
     &settings.max_generations, "a number of at least 2",
     "so many may serve or drain: the oldest is stopped if there are more (8)"},
    {"bake", "SECONDS", "TFPRELOAD_BAKE", read_timeout, print_timeout, &settings.bake,
     "seconds, such as 60 or 0",
     "keep the old generation so long, to serve again if the new one ends (0)"},
    {"retire-signal", "NAME", "TFPRELOAD_RETIRE_SIGNAL", read_stop_signal, print_signal,
     &settings.retire_signal, "the name of a signal, such as QUIT or WINCH",
     "signal that has a retired generation finish and end by itself (none)"},
    {"restart", "WHEN", "TFPRELOAD_RESTART", read_restart, print_restart, &settings.restart,
     "never, on-failure or always",
     "start a server again that has ended by itself: never, on-failure or always (never)"},
    {"alone", "CHOICE", "TFPRELOAD_ALONE", read_choice, print_choice, &settings.alone, "yes or no",
     "hide the old generation from one that starts: yes or no (yes)"},
    {"shared-files", "PATHS", SHARED_FILES_VARIABLE, read_paths, print_path, &settings.shared_files,
     "paths of files, with colons between them",
     "files that old and new generation may lock at once (none)"},
    {"overlap", "CHOICE", "TFPRELOAD_OVERLAP", read_choice, print_choice, &settings.overlap,
     "yes or no", "no: start a new generation only when the old one is gone (yes)"},
    {"stop-signal", "NAME", "TFPRELOAD_STOP_SIGNAL", read_stop_signal, print_signal,
     &settings.stop_signal, "the name of a signal, such as TERM or QUIT",
     "signal that tells an old generation to end (TERM)"},
    {"stop-timeout", "SECONDS", "TFPRELOAD_STOP_TIMEOUT", read_long_timeout, print_timeout,
     &settings.stop_timeout, "seconds greater than 0, such as 5 or 60",
     "a generation that is not gone so long after that is killed (5)"},
    {"env-file", "PATH", "TFPRELOAD_ENV_FILE", read_plain_file_path, print_path, &settings.env_file,
     "the path of a file that can be read again",
     "variables for the server, read again at each upgrade (none)"},
    {"directory", "PATH", "TFPRELOAD_DIRECTORY", read_directory, print_path, &settings.directory,
     "the path of a directory", "where the server starts, found anew at each upgrade ($PWD)"},
    {"pidfile", "PATH", "TFPRELOAD_PIDFILE", read_new_path, print_path, &settings.pidfile,
     "the path of a file, in a directory that exists",
     "holds our pid from when the service is ready to its end (none)"},
    {"ready-fd", "NUMBER", "TFPRELOAD_READY_FD", read_descriptor, print_descriptor,
     &settings.ready_fd, "the number of an open descriptor, greater than 2",
     "gets a newline when the service is ready (none)"},
    {"hook", "PROGRAM", "TFPRELOAD_HOOK", read_program, print_path, &settings.hook,
     "the path of a program that can be executed",
     "run at each event: ready, failed, rolled-back, restarted, retired, gone (none)"},
    {"log", "LEVEL", "TFPRELOAD_LOG", read_log_level, print_log_level, &settings.log_level,
     "error, info or debug", "how much to say on stderr: error, info or debug (info)"},
    {"log-format", "FORMAT", "TFPRELOAD_LOG_FORMAT", read_log_format, print_log_format,
     &settings.log_format, "text or json", "how to say it: text or json (text)"},
    {"way", "WAY", "TFPRELOAD_WAY", read_way, print_way, &settings.way, "auto, preload or trace",
     "how to get into the server: auto, preload or trace (auto)"},
    {"library", "PATH", "TFPRELOAD_LIBRARY", read_file_path, print_path, &settings.library,
     "the path of a file that can be read",
     "the library to preload (libtfpreload.so beside tfhelper)"},
};

enum { SETTINGS = sizeof table / sizeof *table };

static void read_environment(void)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        const char *value = getenv(table[i].variable);

        if (value && *value && !table[i].read(value, table[i].value) && !are_settings_trusted())
            log_line(LEVEL_ERROR, "%s=%s is ignored: expected %s", table[i].variable, value,
                     table[i].expected);
    }
}

void print_setting_options(void)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        char option[64];

        snprintf(option, sizeof option, "--%s %s", table[i].option, table[i].argument);
        printf("      %-22s %s\n                             [%s]\n", option, table[i].help,
               table[i].variable);
    }
}

/* Options end at the first argument that is none: the rest is the server's own. */
static void read_options(int argc, char **argv, void (*help)(void))
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
            help();
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

/* The old generation finishes all that it has before there is another one. */
static void refuse_sessions_without_overlap(void)
{
    if (settings.udp == 0 || settings.overlap == YES)
        return;
    settings.udp = 0;
    if (!are_settings_trusted())
        log_line(LEVEL_ERROR,
                 "TFPRELOAD_UDP (--udp) is ignored: with TFPRELOAD_OVERLAP=no the old "
                 "generation is gone before there is another one to share a port with");
}

void read_settings(int argc, char **argv, void (*help)(void))
{
    read_environment();
    read_options(argc, argv, help);
    set_log_level(settings.log_level);
    set_log_format(settings.log_format);
    refuse_sessions_without_overlap();
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
