/* The story of the service, one line an event, on the stderr that it shares with the server. */
#ifndef TFHELPER_LOG_H
#define TFHELPER_LOG_H

#include <stdbool.h>

enum log_level { LEVEL_ERROR, LEVEL_INFO, LEVEL_DEBUG };

enum log_format {
    FORMAT_TEXT, /* "tfpreload: ", after a priority where stderr is the journal */
    FORMAT_JSON, /* one object a line */
};

/* Print nothing above this level. */
void set_log_level(enum log_level level);

/* How lines look on stderr. */
void set_log_format(enum log_format format);

/* From now on, log to the syslog daemon instead of stderr. */
void log_to_syslog(void);
bool logs_to_syslog(void);

/*
 * Write "tfpreload: " and one line. A stderr or a syslog that nobody reads loses
 * lines rather than stop the helper: its end of a pipe is the server's too. A
 * control character, a newline too, becomes ?. What is about a generation begins
 * with "generation N".
 */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
