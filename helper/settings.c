/*
 * One table says what can be set, how it is read and what is expected. A wrong
 * option stops us before anything has begun; a wrong variable must not keep a
 * server from starting.
 */
#include "settings.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../preload/protocol.h"
#include "clock.h"

struct settings settings = {
    .upgrade_signal = SIGHUP,
    .stop_signal = SIGTERM,
    .ready_timeout = 60 * SECOND,
    .exit_timeout = 30 * SECOND,
    .log_level = LEVEL_INFO,
};

static bool read_upgrade_signal(const char *text);
static bool read_stop_signal(const char *text);
static bool read_ready_timeout(const char *text);
static bool read_exit_timeout(const char *text);
static bool read_log_level(const char *text);
static bool read_library(const char *text);

static const struct setting {
    const char *option;
    const char *argument;
    const char *variable;
    bool (*read)(const char *text);
    const char *expected;
    const char *help;
} table[] = {
    {"signal", "NAME", "TFPRELOAD_SIGNAL", read_upgrade_signal,
     "the name of a signal that a process can catch, such as HUP or USR2",
     "signal that starts an upgrade (HUP)"},
    {"ready-timeout", "SECONDS", "TFPRELOAD_READY_TIMEOUT", read_ready_timeout,
     "seconds greater than 0, such as 60 or 2.5",
     "a new generation that takes longer to be ready is killed (60)"},
    {"exit-timeout", "SECONDS", "TFPRELOAD_EXIT_TIMEOUT", read_exit_timeout,
     "seconds, such as 30 or 0.5", "an old generation that drains longer is stopped (30)"},
    {"stop-signal", "NAME", "TFPRELOAD_STOP_SIGNAL", read_stop_signal,
     "the name of a signal, such as TERM or QUIT",
     "signal that tells an old generation to end (TERM)"},
    {"log", "LEVEL", "TFPRELOAD_LOG", read_log_level, "error, info or debug",
     "how much to say on stderr: error, info or debug (info)"},
    {"library", "PATH", "TFPRELOAD_LIBRARY", read_library, "the path of a file that can be read",
     "the library to preload (libtfpreload.so beside tfhelper)"},
};

enum { SETTINGS = sizeof table / sizeof *table };

static const struct {
    const char *name;
    int number;
} signal_names[] = {
    {"HUP", SIGHUP},   {"INT", SIGINT},       {"QUIT", SIGQUIT}, {"USR1", SIGUSR1},
    {"USR2", SIGUSR2}, {"ALRM", SIGALRM},     {"TERM", SIGTERM}, {"KILL", SIGKILL},
    {"CONT", SIGCONT}, {"WINCH", SIGWINCH},   {"IO", SIGIO},     {"PWR", SIGPWR},
    {"PIPE", SIGPIPE}, {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF}, {"TSTP", SIGTSTP},
};

/* The signal's number, or 0. "HUP", "SIGHUP", "1". */
static int signal_of(const char *text)
{
    char *end;
    long number = strtol(text, &end, 10);

    if (end != text && *end == '\0')
        return number > 0 && number < NSIG ? (int)number : 0;
    if (strncmp(text, "SIG", 3) == 0)
        text += 3;
    for (size_t i = 0; i < sizeof signal_names / sizeof *signal_names; i++)
        if (strcmp(text, signal_names[i].name) == 0)
            return signal_names[i].number;
    return 0;
}

static bool read_upgrade_signal(const char *text)
{
    static const int unfit[] = {SIGKILL, SIGSTOP, SIGCHLD, SIGCONT, SIGTSTP,     SIGTTIN,
                                SIGTTOU, SIGSEGV, SIGBUS,  SIGFPE,  SIGILL,      SIGTRAP,
                                SIGABRT, SIGSYS,  SIGTERM, SIGINT,  ORDER_SIGNAL};
    int number = signal_of(text);

    for (size_t i = 0; i < sizeof unfit / sizeof *unfit; i++)
        if (number == unfit[i])
            return false;
    if (number == 0)
        return false;
    settings.upgrade_signal = number;
    return true;
}

static bool read_stop_signal(const char *text)
{
    int number = signal_of(text);

    if (number == 0 || number == ORDER_SIGNAL)
        return false;
    settings.stop_signal = number;
    return true;
}

static bool read_seconds(const char *text, int64_t *nanoseconds)
{
    char *end;
    double seconds;

    errno = 0;
    seconds = strtod(text, &end);
    if (end == text || *end || errno || !isfinite(seconds) || seconds < 0 || seconds > 1e9)
        return false;
    *nanoseconds = (int64_t)(seconds * (double)SECOND);
    return true;
}

static bool read_ready_timeout(const char *text)
{
    int64_t timeout;

    if (!read_seconds(text, &timeout) || timeout == 0)
        return false;
    settings.ready_timeout = timeout;
    return true;
}

static bool read_exit_timeout(const char *text)
{
    return read_seconds(text, &settings.exit_timeout);
}

static bool read_log_level(const char *text)
{
    static const char *const names[] = {"error", "info", "debug"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0) {
            settings.log_level = (enum log_level)i;
            return true;
        }
    return false;
}

static bool read_library(const char *text)
{
    if (access(text, R_OK) == -1)
        return false;
    settings.library = text;
    return true;
}

static void read_environment(void)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        const char *value = getenv(table[i].variable);

        if (value && *value && !table[i].read(value))
            log_line(LEVEL_ERROR, "%s=%s is ignored: expected %s", table[i].variable, value,
                     table[i].expected);
    }
}

static void print_help(void)
{
    printf("usage: tfhelper [OPTION]... [--] COMMAND [ARGUMENT]...\n"
           "Run COMMAND, and upgrade it without losing a connection on SIGHUP.\n\n"
           "  -f, --file PATH          execute PATH; COMMAND is only its argv[0]\n");
    for (size_t i = 0; i < SETTINGS; i++) {
        char option[64];

        snprintf(option, sizeof option, "--%s %s", table[i].option, table[i].argument);
        printf("      %-22s %s\n                             [%s]\n", option, table[i].help,
               table[i].variable);
    }
    printf("  -h, --help               this text\n"
           "  -V, --version            the version\n\n"
           "Each setting may be given by the variable in brackets; the option wins.\n"
           "Exit status: that of COMMAND, or its signal; 2 for a wrong option,\n"
           "126 if COMMAND cannot be executed, 127 if it is not found.\n");
}

static _Noreturn void usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

static _Noreturn void usage_error(const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "tfhelper: %s\nTry 'tfhelper --help'.\n", text);
    exit(EXIT_USAGE);
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

            if (!setting->read(optarg))
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

/* Beside tfhelper as built, or in lib as installed. */
static const char *find_library(void)
{
    static char path[PATH_MAX];
    static const char *const places[] = {"libtfpreload.so", "../lib/libtfpreload.so"};
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);

    if (length <= 0)
        return NULL;
    self[length] = '\0';
    *strrchr(self, '/') = '\0';
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (snprintf(path, sizeof path, "%s/%s", self, places[i]) < (int)sizeof path &&
            access(path, R_OK) == 0)
            return path;
    return NULL;
}

void read_settings(int argc, char **argv)
{
    read_environment();
    read_options(argc, argv);
    set_log_level(settings.log_level);
    if (getenv(PRELOAD_VARIABLE)) /* the library has brought us here */
        settings.library = NULL;
    else if (!settings.library)
        settings.library = find_library();
}
