/* Reading /proc/self without allocating, in a signal handler too. */
#ifndef TFPRELOAD_PROCFS_H
#define TFPRELOAD_PROCFS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Call visit(number, argument) for each numeric name in a directory of /proc,
 * until it returns false. `path` is absolute. The directory's own descriptor
 * is not reported. Returns 0, or -1 with errno set when the directory cannot
 * be read (a chroot without /proc). Async-signal-safe.
 */
int for_each_number(const char *path, bool (*visit)(int number, void *argument), void *argument);

/*
 * Call visit(line, argument) for each line of a file, the newline replaced by
 * NUL, until it returns false. Lines longer than 255 bytes are cut.
 * Returns 0, or -1 with errno set. Async-signal-safe.
 */
int for_each_line(const char *path, bool (*visit)(const char *line, void *argument),
                  void *argument);

/* Write "PREFIX NUMBER SUFFIX" without spaces into path, and return path. Async-signal-safe. */
char *proc_path(char path[64], const char *prefix, int number, const char *suffix);

/*
 * The number at *text in base 10 or 16, after blanks; *text then points behind
 * it. 0 where there is none. (strtoull is not on the list of signal-safety(7).)
 */
unsigned long long parse_number(const char **text, unsigned base);

#endif
