#include "notice_text.h"

#include <stdlib.h>
#include <string.h>

#include "helper/base/plain.h"

static bool begins_with(const char *line, const char *name)
{
    return strncmp(line, name, strlen(name)) == 0;
}

static bool is_number(const char *text)
{
    return *text && text[strspn(text, "0123456789")] == '\0';
}

/*
 * sd_notify(3), but for what is ours: MAINPID=, MAINPIDFD=, NOTIFYACCESS= and the
 * like; BARRIER=1, which is over when we have read it; and WATCHDOG=trigger, with
 * which any process could have the service killed.
 */
static bool is_for_manager(const char *line)
{
    static const char *const whole[] = {"READY=1",   "RELOADING=1",     "STOPPING=1", "WATCHDOG=1",
                                        "FDSTORE=1", "FDSTOREREMOVE=1", "FDPOLL=0"};
    static const char *const numbers[] = {
        "ERRNO=", "WATCHDOG_USEC=", "EXTEND_TIMEOUT_USEC=", "MONOTONIC_USEC="};
    static const char *const texts[] = {"STATUS=", "BUSERROR=", "FDNAME="};

    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (strcmp(line, whole[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (begins_with(line, numbers[i]))
            return is_number(line + strlen(numbers[i]));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (begins_with(line, texts[i]))
            return true;
    return false;
}

/* A hundred years, which are no overflow as nanoseconds from now. */
static const unsigned long long longest = INT64_MAX / 1000 / 2;

static int64_t nanoseconds(const char *microseconds)
{
    unsigned long long value = strtoull(microseconds, NULL, 10);

    return (int64_t)(value < longest ? value : longest) * 1000;
}

/* Returns whether the line is for the manager, too. */
static bool take_line(const char *line, bool has_been_ready, struct notice_told *told)
{
    static const char extend[] = "EXTEND_TIMEOUT_USEC=";

    if (!is_for_manager(line))
        return false;
    told->stores |= strcmp(line, "FDSTORE=1") == 0;
    if (begins_with(line, extend)) {
        told->extends = true;
        told->extension = nanoseconds(line + sizeof extend - 1);
    }
    if (strcmp(line, "READY=1") != 0)
        return true;
    told->ready = true;
    return has_been_ready;
}

struct notice_told read_notice(char *text, bool has_been_ready, char out[NOTICE_SIZE])
{
    struct notice_told told = {0};
    char *rest = text;
    char *line;

    while ((line = strsep(&rest, "\n"))) {
        size_t length;

        if (!take_line(line, has_been_ready, &told))
            continue;
        if (told.size > 0)
            out[told.size++] = '\n';
        /* lines only become fewer, and shorter: there is room */
        length = strlen(make_plain(line));
        memcpy(out + told.size, line, length);
        told.size += length;
    }
    return told;
}
