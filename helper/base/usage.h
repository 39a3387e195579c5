/* Errors of the command line, and of what it prints. */
#ifndef TFHELPER_USAGE_H
#define TFHELPER_USAGE_H

/* Exit statuses of the commands; that of `run` is the server's. */
enum {
    EXIT_REFUSED = 1, /* what was asked for did not come to pass */
    EXIT_USAGE = 2,
    EXIT_NO_SERVICE = 3,
    EXIT_TIMEOUT = 4,
    EXIT_DOUBTFUL = 5, /* check: only a trial will show; upgrade: done, and connections were cut */
    EXIT_NOT_EXECUTABLE = 126,
    EXIT_NOT_FOUND = 127,
};

/* Whose help is meant from now on: of this command, and no more of tfhelper itself. */
void name_command(const char *name);

/* Print one line and where help is to be had, and end with EXIT_USAGE. */
_Noreturn void usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Print one line on stderr, and end with `status`. */
_Noreturn void end_with_error(int status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Write out what has been printed, and end with EXIT_REFUSED if that cannot be done. */
void flush_output(void);

#endif
