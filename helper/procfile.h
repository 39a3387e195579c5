/* Small readers of /proc/PID for the helper. */
#ifndef TFHELPER_PROCFILE_H
#define TFHELPER_PROCFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROC_FILE_SIZE = 4096 };

/*
 * Read /proc/PID/NAME into text, at most size - 1 bytes, and end it with NUL.
 * Returns the bytes read, or -1 with errno set.
 */
ssize_t read_proc_file(pid_t pid, const char *name, char *text, size_t size);

/* The number behind a name in the text of /proc/PID/status, "\nUid:" say; 0 if there is none. */
unsigned long long status_number(const char *status, const char *name, int base);

/* The real and the saved uid of a process; false if it is gone. */
bool read_uids(pid_t pid, uid_t *real, uid_t *saved);

/* The parent of a process; 0 if it has none, or is gone. */
pid_t parent_of(pid_t pid);

/* Nanoseconds since a process was started; -1 if it is gone. To a hundredth of a second. */
int64_t age_of(pid_t pid);

/* The threads of a process, in memory that the caller frees. Returns how many. */
size_t list_threads(pid_t pid, pid_t **threads);

/* A socket that a process has open. */
struct open_socket {
    unsigned long long inode;
    pid_t pid;
    int fd;
};

/*
 * Append the sockets that a process has open, in no order, to a list that the
 * caller frees. Returns 0, or -1 with errno set: EACCES for a process that has
 * changed its uid, where we lack CAP_SYS_PTRACE.
 */
int list_sockets(pid_t pid, struct open_socket **sockets, size_t *count);

#endif
