/*
 * What stands in the files of /proc, as text: one parser for each kind of line.
 * Nothing is read here (procfs.c does that) and nothing is changed, so that any text
 * may be tried: tests/unit/preload-proc-text.c. All are async-signal-safe and keep errno.
 */
#ifndef TFPRELOAD_PROC_TEXT_H
#define TFPRELOAD_PROC_TEXT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The number at *text in base 10 or 16, after blanks; *text then points behind
 * it. 0 where there is none. (strtoull is not on the list of signal-safety(7).)
 */
unsigned long long parse_number(const char **text, unsigned base);

/* A name that is a descriptor or a thread: its number; -1 for any other name. */
int parse_entry(const char *name);

/* One descriptor that an epoll set watches, as epoll_ctl(2) was told. */
struct epoll_watch {
    int fd;
    uint32_t events;
    uint64_t data;
    uint64_t inode; /* 0 where the kernel does not say */
};

/* Which descriptor a line of fdinfo/SET is about; -1 if it is about something else. */
int parse_watched(const char *line);

/* A line of fdinfo/SET. Returns false for one that is about something else. */
bool parse_epoll_watch(const char *line, struct epoll_watch *watch);

/* In which system call a thread is. */
struct system_call {
    bool running; /* in none, or in one that it is about to enter or to leave */
    long number;
    int descriptor; /* the first argument, for calls where that is one */
};

/* The line of task/TID/syscall. Returns false for a text of another shape. */
bool parse_system_call(const char *line, struct system_call *call);

#endif
