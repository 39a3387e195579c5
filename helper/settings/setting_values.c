#include "setting_values.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/base/signal_names.h"
#include "preload/wire/protocol.h"

/* The signal's number, or 0. "HUP", "SIGHUP", "1". */
static int signal_of(const char *text)
{
    char *end;
    long number = strtol(text, &end, 10);

    if (end != text && *end == '\0')
        return number > 0 && number < NSIG ? (int)number : 0;
    return signal_of_name(text);
}

static bool trusted;

void trust_settings(void)
{
    trusted = true;
}

bool are_settings_trusted(void)
{
    return trusted;
}

bool read_upgrade_signal(const char *text, void *value)
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
    *(int *)value = number;
    return true;
}

bool read_stop_signal(const char *text, void *value)
{
    int number = signal_of(text);

    if (number == 0 || number == ORDER_SIGNAL)
        return false;
    *(int *)value = number;
    return true;
}

void print_signal(char text[VALUE_TEXT], const void *value)
{
    int number = *(const int *)value;
    const char *name = name_of_signal(number);

    text[0] = '\0';
    if (name)
        snprintf(text, VALUE_TEXT, "%s", name);
    else if (number != 0)
        snprintf(text, VALUE_TEXT, "%d", number);
}

bool read_timeout(const char *text, void *value)
{
    char *end;
    double seconds;

    errno = 0;
    seconds = strtod(text, &end);
    if (end == text || *end || errno || !isfinite(seconds) || seconds < 0 || seconds > 1e9)
        return false;
    *(int64_t *)value = (int64_t)(seconds * (double)SECOND);
    return true;
}

bool read_timeout_or_none(const char *text, void *value)
{
    if (strcmp(text, "none") != 0)
        return read_timeout(text, value);
    *(int64_t *)value = endless;
    return true;
}

bool read_long_timeout(const char *text, void *value)
{
    int64_t timeout;

    if (!read_timeout(text, &timeout) || timeout == 0)
        return false;
    *(int64_t *)value = timeout;
    return true;
}

void print_timeout(char text[VALUE_TEXT], const void *value)
{
    int64_t timeout = *(const int64_t *)value;

    if (timeout == endless)
        snprintf(text, VALUE_TEXT, "none");
    else
        snprintf(text, VALUE_TEXT, "%g", (double)timeout / (double)SECOND);
}

/* The place of `text` in a list of names, or -1. */
static int place_of(const char *text, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(text, names[i]) == 0)
            return i;
    return -1;
}

static const char *const levels[] = {"error", "info", "debug"};
static const char *const formats[] = {"text", "json"};
static const char *const restarts[] = {"never", "on-failure", "always"};
static const char *const ways[] = {"auto", "preload", "trace"};

bool read_log_level(const char *text, void *value)
{
    int place = place_of(text, levels, sizeof levels / sizeof *levels);

    if (place != -1)
        *(enum log_level *)value = (enum log_level)place;
    return place != -1;
}

void print_log_level(char text[VALUE_TEXT], const void *value)
{
    snprintf(text, VALUE_TEXT, "%s", levels[*(const enum log_level *)value]);
}

bool read_log_format(const char *text, void *value)
{
    int place = place_of(text, formats, sizeof formats / sizeof *formats);

    if (place != -1)
        *(enum log_format *)value = (enum log_format)place;
    return place != -1;
}

void print_log_format(char text[VALUE_TEXT], const void *value)
{
    snprintf(text, VALUE_TEXT, "%s", formats[*(const enum log_format *)value]);
}

bool read_restart(const char *text, void *value)
{
    int place = place_of(text, restarts, sizeof restarts / sizeof *restarts);

    if (place != -1)
        *(enum restart *)value = (enum restart)place;
    return place != -1;
}

void print_restart(char text[VALUE_TEXT], const void *value)
{
    snprintf(text, VALUE_TEXT, "%s", restarts[*(const enum restart *)value]);
}

bool read_way(const char *text, void *value)
{
    int place = place_of(text, ways, sizeof ways / sizeof *ways);

    if (place != -1)
        *(enum way *)value = (enum way)place;
    return place != -1;
}

void print_way(char text[VALUE_TEXT], const void *value)
{
    snprintf(text, VALUE_TEXT, "%s", ways[*(const enum way *)value]);
}

static const char *const choices[] = {"no", "yes"};

bool read_choice(const char *text, void *value)
{
    int place = place_of(text, choices, sizeof choices / sizeof *choices);

    if (place != -1)
        *(enum choice *)value = (enum choice)place;
    return place != -1;
}

void print_choice(char text[VALUE_TEXT], const void *value)
{
    snprintf(text, VALUE_TEXT, "%s", choices[*(const enum choice *)value]);
}

bool read_file_path(const char *text, void *value)
{
    if (!trusted && access(text, R_OK) == -1)
        return false;
    *(const char **)value = text;
    return true;
}

/* It is read at each upgrade: what comes from a pipe is there once. */
bool read_plain_file_path(const char *text, void *value)
{
    struct stat status;

    return (trusted ||
            (stat(text, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)))) &&
           read_file_path(text, value);
}

bool read_new_path(const char *text, void *value)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(text, '/');
    struct stat status;

    if (slash == text)
        snprintf(directory, sizeof directory, "/");
    else
        snprintf(directory, sizeof directory, "%.*s", slash ? (int)(slash - text) : 1,
                 slash ? text : ".");
    if (*text == '\0' || (slash && slash[1] == '\0'))
        return false;
    if (!trusted && (stat(directory, &status) == -1 || !S_ISDIR(status.st_mode) ||
                     (stat(text, &status) == 0 && S_ISDIR(status.st_mode))))
        return false;
    *(const char **)value = text;
    return true;
}

/* They may come to be later; but a relative path would be another one after chdir(2). */
bool read_paths(const char *text, void *value)
{
    for (const char *at = text; at; at = strchr(at, ':')) {
        at += at != text;
        if (*at != '/')
            return false;
    }
    *(const char **)value = text;
    return true;
}

bool read_directory(const char *text, void *value)
{
    struct stat status;

    if (!trusted && (stat(text, &status) == -1 || !S_ISDIR(status.st_mode)))
        return false;
    *(const char **)value = text;
    return true;
}

bool read_program(const char *text, void *value)
{
    struct stat status;

    if (!trusted &&
        (stat(text, &status) == -1 || !S_ISREG(status.st_mode) || access(text, X_OK) == -1))
        return false;
    *(const char **)value = text;
    return true;
}

void print_path(char text[VALUE_TEXT], const void *value)
{
    const char *path = *(const char *const *)value;

    snprintf(text, VALUE_TEXT, "%s", path ? path : "");
}

static bool read_number(const char *text, int least, int *number)
{
    char *end;
    long value;

    errno = 0;
    value = strtol(text, &end, 10);
    if (end == text || *end || errno || value < least || value > INT_MAX)
        return false;
    *number = (int)value;
    return true;
}

bool read_descriptor(const char *text, void *value)
{
    int number;

    if (!read_number(text, STDERR_FILENO + 1, &number) ||
        (!trusted && fcntl(number, F_GETFD) == -1))
        return false;
    *(int *)value = number;
    return true;
}

bool read_idle(const char *text, void *value)
{
    return strncmp(text, "close:", 6) == 0 && read_long_timeout(text + 6, value);
}

void print_idle(char text[VALUE_TEXT], const void *value)
{
    int64_t quiet = *(const int64_t *)value;

    text[0] = '\0';
    if (quiet > 0)
        snprintf(text, VALUE_TEXT, "close:%g", (double)quiet / (double)SECOND);
}

bool read_udp(const char *text, void *value)
{
    if (strcmp(text, "sessions") == 0) {
        *(int64_t *)value = 30 * SECOND;
        return true;
    }
    return strncmp(text, "sessions:", 9) == 0 && read_long_timeout(text + 9, value);
}

void print_udp(char text[VALUE_TEXT], const void *value)
{
    int64_t silence = *(const int64_t *)value;

    text[0] = '\0';
    if (silence > 0)
        snprintf(text, VALUE_TEXT, "sessions:%g", (double)silence / (double)SECOND);
}

bool read_generation(const char *text, void *value)
{
    return read_number(text, 1, value);
}

bool read_generations(const char *text, void *value)
{
    return read_number(text, 2, value);
}

void print_count(char text[VALUE_TEXT], const void *value)
{
    snprintf(text, VALUE_TEXT, "%d", *(const int *)value);
}

void print_descriptor(char text[VALUE_TEXT], const void *value)
{
    int number = *(const int *)value;

    text[0] = '\0';
    if (number != -1)
        snprintf(text, VALUE_TEXT, "%d", number);
}

bool read_readiness(const char *text, void *value)
{
    struct readiness new = {.by = READY_AUTO};
    bool valid = true;

    if (strcmp(text, "notify") == 0) {
        new.by = READY_NOTIFY;
    } else if (strncmp(text, "fd:", 3) == 0) {
        new.by = READY_DESCRIPTOR;
        valid = read_number(text + 3, STDERR_FILENO + 1, &new.descriptor);
    } else if (strncmp(text, "delay:", 6) == 0) {
        new.by = READY_DELAY;
        valid = read_timeout(text + 6, &new.delay);
    } else if (strncmp(text, "exec:", 5) == 0) {
        new.by = READY_PROBE;
        new.command = text + 5;
        valid = *new.command != '\0';
    } else {
        valid = strcmp(text, "auto") == 0;
    }
    if (valid)
        *(struct readiness *)value = new;
    return valid;
}

void print_readiness(char text[VALUE_TEXT], const void *value)
{
    const struct readiness *ready = value;

    switch (ready->by) {
    case READY_AUTO:
        snprintf(text, VALUE_TEXT, "auto");
        break;
    case READY_NOTIFY:
        snprintf(text, VALUE_TEXT, "notify");
        break;
    case READY_DESCRIPTOR:
        snprintf(text, VALUE_TEXT, "fd:%d", ready->descriptor);
        break;
    case READY_DELAY:
        snprintf(text, VALUE_TEXT, "delay:%g", (double)ready->delay / (double)SECOND);
        break;
    case READY_PROBE:
        snprintf(text, VALUE_TEXT, "exec:%s", ready->command);
        break;
    }
}
