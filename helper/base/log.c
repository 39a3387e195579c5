/* One write(2) a line, so that lines of several processes do not mix. */
#include "log.h"

#include <paths.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "json.h"
#include "plain.h"

enum { MOST_TEXT = 1024 };

static const int priorities[] = {LOG_ERR, LOG_INFO, LOG_DEBUG};
static enum log_level most = LEVEL_INFO;
static bool as_json;
static int syslog_socket = -1;

void set_log_level(enum log_level level)
{
    most = level;
}

void set_log_format(enum log_format format)
{
    as_json = format == FORMAT_JSON;
}

void log_to_syslog(void)
{
    syslog_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

/*
 * systemd.exec(5): JOURNAL_STREAM holds device and inode of the stream that was
 * connected to the journal. It is inherited by programs whose stderr is not.
 */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device;
    unsigned long long inode;
    struct stat status;

    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

static int format_text(char *line, size_t size, enum log_level level, const char *text)
{
    if (stderr_is_journal()) /* sd-daemon(3): a priority in front of a line */
        return snprintf(line, size, "<%d>tfpreload: %s\n", priorities[level], text);
    return snprintf(line, size, "tfpreload: %s\n", text);
}

static int format_json(char *line, size_t size, enum log_level level, const char *text)
{
    static const char *const names[] = {"error", "info", "debug"};
    char message[2 * MOST_TEXT];
    char about[32] = "";
    char date[32];
    struct timespec now;
    struct tm utc;
    unsigned generation;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    if (sscanf(text, "generation %u", &generation) == 1)
        snprintf(about, sizeof about, "\"generation\":%u,", generation);
    return snprintf(line, size,
                    "{\"time\":\"%s.%03ldZ\",\"source\":\"tfpreload\",\"level\":\"%s\",%s"
                    "\"message\":%s}\n",
                    date, now.tv_nsec / 1000000, names[level], about,
                    json_string(text, message, sizeof message));
}

static void write_line(const char *line, int length)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};

    if (poll(&out, 1, 0) == 1 && write(STDERR_FILENO, line, (size_t)length) == -1)
        return; /* nowhere to say so */
}

/* syslog(3) would wait for a daemon that does not read. This is what it sends: RFC 3164. */
static void send_to_syslog(enum log_level level, const char *text)
{
    static const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = _PATH_LOG};
    char line[2 * MOST_TEXT];
    char date[32];
    time_t now = time(NULL);
    struct tm local;
    int length;

    strftime(date, sizeof date, "%b %e %T", localtime_r(&now, &local));
    length = snprintf(line, sizeof line, "<%d>%s tfpreload[%d]: %s", LOG_DAEMON | priorities[level],
                      date, (int)getpid(), text);
    if (sendto(syslog_socket, line, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL,
               (const struct sockaddr *)&address, sizeof address) == -1)
        return; /* nowhere to say so */
}

void log_line(enum log_level level, const char *format, ...)
{
    char text[MOST_TEXT];
    char line[3 * MOST_TEXT];
    va_list arguments;

    if (level > most)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (syslog_socket != -1)
        send_to_syslog(level, make_plain(text));
    else
        write_line(line, as_json ? format_json(line, sizeof line, level, text)
                                 : format_text(line, sizeof line, level, make_plain(text)));
}

bool logs_to_syslog(void)
{
    return syslog_socket != -1;
}
