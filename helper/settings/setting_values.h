/* How the value of each kind of setting is read from its text, and printed. */
#ifndef TFHELPER_SETTING_VALUES_H
#define TFHELPER_SETTING_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What says that a new generation is ready. */
struct readiness {
    enum {
        READY_AUTO,       /* a thread waits for clients; READY=1, where the server speaks it */
        READY_NOTIFY,     /* READY=1 alone: sd_notify(3) */
        READY_DESCRIPTOR, /* a newline on this descriptor, as s6 has it */
        READY_DELAY,      /* it has lived so long */
        READY_PROBE,      /* this command succeeds */
    } by;
    int descriptor;
    int64_t delay;
    const char *command;
};

/* How the helper gets into the server's processes. */
enum way {
    WAY_AUTO,    /* by the library; watched from outside where that cannot be loaded */
    WAY_PRELOAD, /* by the library alone */
    WAY_TRACE,   /* from outside, whatever it is */
};

/* Whether a server that has ended by itself is started again. */
enum restart { RESTART_NEVER, RESTART_ON_FAILURE, RESTART_ALWAYS };

/* A timeout of `none`: longer than any that can be asked for; what is added to it still fits. */
static const int64_t endless = INT64_C(2000000000000000000);

enum choice { NO, YES };

/* Longest text of a value, with its NUL. */
enum { VALUE_TEXT = 256 };

/*
 * From now on a path or a descriptor is not looked at, only its text: it was right when the service
 * was started, by the helper in whose place we are.
 */
void trust_settings(void);
bool are_settings_trusted(void);

/*
 * Each reads `text` into what `value` points to, and returns false, with the
 * value untouched, when the text is not one. A text that is kept is not copied:
 * it comes from the arguments or the environment, which stay.
 */
bool read_upgrade_signal(const char *text, void *value);  /* int */
bool read_stop_signal(const char *text, void *value);     /* int */
bool read_timeout(const char *text, void *value);         /* int64_t, nanoseconds */
bool read_timeout_or_none(const char *text, void *value); /* the same, or `endless` */
bool read_long_timeout(const char *text, void *value);    /* the same, greater than 0 */
bool read_log_level(const char *text, void *value);       /* enum log_level */
bool read_log_format(const char *text, void *value);      /* enum log_format */
bool read_way(const char *text, void *value);             /* enum way */
bool read_restart(const char *text, void *value);         /* enum restart */
bool read_file_path(const char *text, void *value); /* const char *, a file that can be read */

bool read_choice(const char *text, void *value);          /* enum choice */
bool read_plain_file_path(const char *text, void *value); /* the same, more than once */
bool read_new_path(const char *text, void *value);        /* const char *, in a directory */
bool read_paths(const char *text, void *value);           /* const char *, with colons */
bool read_directory(const char *text, void *value);       /* const char * */
bool read_program(const char *text, void *value);         /* const char *, can be executed */
bool read_readiness(const char *text, void *value);       /* struct readiness */
bool read_descriptor(const char *text, void *value);      /* int, open */
bool read_idle(const char *text, void *value);            /* int64_t, nanoseconds: close:SECONDS */
bool read_udp(const char *text, void *value);         /* the same: sessions, or sessions:SECONDS */
bool read_generation(const char *text, void *value);  /* int, its number */
bool read_generations(const char *text, void *value); /* int, one that serves and one that drains */

/* Each prints a value as its reader would take it; nothing for one that is not set. */
void print_signal(char text[VALUE_TEXT], const void *value);
void print_timeout(char text[VALUE_TEXT], const void *value);
void print_log_level(char text[VALUE_TEXT], const void *value);
void print_log_format(char text[VALUE_TEXT], const void *value);
void print_way(char text[VALUE_TEXT], const void *value);
void print_restart(char text[VALUE_TEXT], const void *value);
void print_choice(char text[VALUE_TEXT], const void *value);
void print_path(char text[VALUE_TEXT], const void *value);
void print_readiness(char text[VALUE_TEXT], const void *value);
void print_idle(char text[VALUE_TEXT], const void *value);
void print_udp(char text[VALUE_TEXT], const void *value);
void print_count(char text[VALUE_TEXT], const void *value);
void print_descriptor(char text[VALUE_TEXT], const void *value);

#endif
