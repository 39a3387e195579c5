/* Reading directories and files of /proc without malloc(), in a signal handler too. */
#ifndef TFPRELOAD_PROCFS_H
#define TFPRELOAD_PROCFS_H

#include <stdbool.h>
#include <stddef.h>

/* In place of a directory of /proc: what it says has to be asked for. */
enum { PROC_ELSEWHERE = -2 };

/*
 * Set by who returns PROC_ELSEWHERE. It opens a text with the numbers or the lines
 * that are wanted at a path; *used is a descriptor that it has closed since.
 */
extern int (*open_elsewhere)(const char *path, int *used);

/*
 * Call visit(number, argument) for each numeric name in a directory below
 * `proc`, until it returns false. Of "fd", the descriptors used for that, `proc`
 * among them, are not reported. Returns 0, or -1 with errno set.
 */
int for_each_number(int proc, const char *directory, bool (*visit)(int number, void *argument),
                    void *argument);

/*
 * Call visit(line, argument) for each line of a file below `proc`, the newline
 * replaced by NUL, until it returns false. No line is cut, however long it is; one
 * that does not end is not reported. Returns 0, or -1 with errno set: is_gone() tells
 * a file that is not there from one that could not be looked at.
 */
int for_each_line(int proc, const char *file, bool (*visit)(const char *line, void *argument),
                  void *argument);

/*
 * Does this errno say that the thread, process or descriptor of a file in /proc has
 * ended? Everything else (EACCES, EMFILE, ENOMEM …) says that it could not be looked
 * at, and it may be there.
 */
bool is_gone(int error);

/* Write PREFIX, NUMBER and SUFFIX into path, and return path. */
char *proc_path(char path[64], const char *prefix, int number, const char *suffix);

#endif
