/* Reading /proc/self without allocating, in a signal handler too. */
#ifndef TFPRELOAD_PROCFS_H
#define TFPRELOAD_PROCFS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The directory /proc/self, which the caller closes with kernel_close(); in a
 * chroot that has no /proc, the helper opens it for us. -1 with errno set when
 * neither can. Async-signal-safe, like all of these.
 */
int open_proc_self(void);

/*
 * The same, for "fd" and "fdinfo" alone: where main() has ended by pthread_exit(3),
 * /proc/self is that of a dead thread, which has no descriptors, and this the calling one's.
 */
int open_proc_with_descriptors(void);

/*
 * Call visit(number, argument) for each numeric name in a directory below
 * `proc`, until it returns false. Of "fd", the descriptors used for that, `proc`
 * among them, are not reported. Returns 0, or -1 with errno set.
 */
int for_each_number(int proc, const char *directory, bool (*visit)(int number, void *argument),
                    void *argument);

/*
 * Call visit(line, argument) for each line of a file below `proc`, the newline
 * replaced by NUL, until it returns false. Lines longer than 255 bytes are cut.
 * Returns 0, or -1 with errno set.
 */
int for_each_line(int proc, const char *file, bool (*visit)(const char *line, void *argument),
                  void *argument);

/* Write PREFIX, NUMBER and SUFFIX into path, and return path. */
char *proc_path(char path[64], const char *prefix, int number, const char *suffix);

/*
 * The number at *text in base 10 or 16, after blanks; *text then points behind
 * it. 0 where there is none. (strtoull is not on the list of signal-safety(7).)
 */
unsigned long long parse_number(const char **text, unsigned base);

#endif
