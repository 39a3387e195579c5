/* How the value of each kind of setting is read from its text, and printed. */
#ifndef TFHELPER_SETTING_VALUES_H
#define TFHELPER_SETTING_VALUES_H

#include <stdbool.h>
#include <stddef.h>

/* Longest text of a value, with its NUL. */
enum { VALUE_TEXT = 256 };

/*
 * Each reads `text` into what `value` points to, and returns false, with the
 * value untouched, when the text is not one. A text that is kept is not copied:
 * it comes from the arguments or the environment, which stay.
 */
bool read_upgrade_signal(const char *text, void *value); /* int */
bool read_stop_signal(const char *text, void *value);    /* int */
bool read_timeout(const char *text, void *value);        /* int64_t, nanoseconds */
bool read_long_timeout(const char *text, void *value);   /* the same, greater than 0 */
bool read_log_level(const char *text, void *value);      /* enum log_level */
bool read_log_format(const char *text, void *value);     /* enum log_format */
bool read_file_path(const char *text, void *value);      /* const char *, a file that can be read */
bool read_new_path(const char *text, void *value);       /* const char *, in a directory */
bool read_program(const char *text, void *value);        /* const char *, can be executed */
bool read_readiness(const char *text, void *value);      /* struct readiness */
bool read_descriptor(const char *text, void *value);     /* int, open */

/* Each prints a value as its reader would take it; nothing for one that is not set. */
void print_signal(char text[VALUE_TEXT], const void *value);
void print_timeout(char text[VALUE_TEXT], const void *value);
void print_log_level(char text[VALUE_TEXT], const void *value);
void print_log_format(char text[VALUE_TEXT], const void *value);
void print_path(char text[VALUE_TEXT], const void *value);
void print_readiness(char text[VALUE_TEXT], const void *value);
void print_descriptor(char text[VALUE_TEXT], const void *value);

#endif
