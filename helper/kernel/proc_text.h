/*
 * What the texts in /proc say: pure functions, each of one text that ends with NUL. A process
 * chooses parts of them (its name, its environment), so nothing is taken for granted: a text that
 * is cut, or that the kernel would not have written, is refused, and no number is read in part.
 */
#ifndef TFHELPER_PROC_TEXT_H
#define TFHELPER_PROC_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct unix_socket;

/* /proc/PID/stat */
struct proc_stat {
    pid_t pid;
    char state;
    pid_t parent;  /* 0: none that we see */
    pid_t group;   /* 0: of one that has ended, too */
    pid_t session; /* likewise */
    bool executed; /* since it was forked */
    long threads;
    uint64_t started; /* in clock ticks since the machine was */
};

bool parse_stat(const char *text, struct proc_stat *stat);

/* /proc/PID/status, and that of a thread */
struct proc_status {
    char state;
    uid_t real;
    uid_t effective;
    uid_t saved;
    uint64_t blocked; /* signals: bit N - 1 for signal N */
    uint64_t pending; /* for this thread alone, of the same kind */
    uint64_t caught;
    unsigned filters; /* of seccomp(2); UINT_MAX: the strict mode, which is worse than any */
};

bool parse_status(const char *text, struct proc_status *status);

/* The number in the line that begins with this label ("scm_fds:"), of a fdinfo. */
bool parse_field(const char *text, const char *label, int base, uint64_t *value);

/* The next pid of a task/TID/children, from *at on, which moves. False at the end. */
bool next_child(const char **at, pid_t *child);

/* The value of a variable in the `size` bytes of an environ; NULL if it is not there. */
const char *find_variable(const char *text, size_t size, const char *name);

/* task/TID/syscall */
struct thread_call {
    bool running; /* in none: then there is no number */
    long number;  /* -1: it is stopped outside of any */
    unsigned long first_argument;
    unsigned long second_argument;
};

bool parse_syscall(const char *text, struct thread_call *call);

/* What a link in /proc/PID/fd leads to: is it a socket? */
bool parse_socket_link(const char *text, unsigned long long *inode);

/* A line of /proc/net/unix, which has no word about the file or the queue of the socket. */
bool parse_unix_socket(const char *line, struct unix_socket *socket);

#endif
