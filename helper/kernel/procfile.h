/*
 * The files of /proc, read whole: one reader for each. What their texts say is for proc_text.c.
 *
 * "Could not look" is told apart from "is not there": without a descriptor (EMFILE, ENFILE),
 * without memory, or where we may not look (EACCES), nothing is known, and CANNOT_TELL it is, with
 * the reason in errno. Only ENOENT and ESRCH mean that a process is gone.
 */
#ifndef TFHELPER_PROCFILE_H
#define TFHELPER_PROCFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lookup.h"
#include "proc_text.h"

/*
 * Read /proc/PID/NAME, however long it is. The text ends with NUL and is valid until the next file
 * is read by anything here; NULL with errno set if it cannot be read.
 */
const char *read_proc_file(pid_t pid, const char *name, size_t *size);

enum lookup read_stat(pid_t pid, struct proc_stat *stat);
enum lookup read_status(pid_t pid, struct proc_status *status);
enum lookup read_status_of_thread(pid_t pid, pid_t thread, struct proc_status *status);
enum lookup read_syscall(pid_t pid, pid_t thread, struct thread_call *call);

/* The name of a process's program, as the kernel keeps it: 15 bytes; empty if it is not known. */
enum { COMMAND_SIZE = 16 };
void read_command(pid_t pid, char name[COMMAND_SIZE]);

/* The real and the saved uid of a process; false if they are not known. */
bool read_uids(pid_t pid, uid_t *real, uid_t *saved);

/* When a process was started, which names it together with its pid; 0 if that is not known. */
uint64_t start_of(pid_t pid);

/* The process of a thread; 0 if it is not known. */
pid_t process_of(pid_t thread);

/* The parent of a process; 0 if it has none, or is not known. */
pid_t parent_of(pid_t pid);

/*
 * Does this process mean the same ones by their pids as we do? Not below another
 * pid_namespaces(7). True if that is not known.
 */
bool shares_pids(pid_t pid);

/* Nanoseconds since a process was started; -1 if it is not known. To a hundredth of a second. */
int64_t age_of(pid_t pid);

/* The number behind `label` in the fdinfo of a descriptor. IS_GONE: there is none. */
enum lookup read_fdinfo(pid_t pid, int fd, const char *label, uint64_t *value);

/*
 * Is a file with this word in its path mapped into the process? The list is long, and read line by
 * line.
 */
enum lookup has_mapped(pid_t pid, const char *word);

/* The threads of a process, in memory that the caller frees. */
enum lookup list_threads(pid_t pid, pid_t **threads, size_t *count);

/* All processes that /proc shows, likewise. */
enum lookup list_processes(pid_t **processes, size_t *count);

/* A socket that a process has open. */
struct open_socket {
    unsigned long long inode;
    pid_t pid;
    int fd;
};

/*
 * Append the sockets that a process has open, in no order, to a list that the
 * caller frees. CANNOT_TELL if some may be missing, with EACCES of a process
 * that has changed its uid, where we lack CAP_SYS_PTRACE.
 */
enum lookup list_sockets(pid_t pid, struct open_socket **sockets, size_t *count);

/* Has the process this file open? */
enum lookup has_open(pid_t pid, dev_t device, ino_t inode);

/* What a descriptor leads to, "socket:[4711]" say; as much of it as has room. IS_GONE: nothing. */
enum { LINK_SIZE = 64 };
enum lookup read_fd_link(pid_t pid, int fd, char target[LINK_SIZE]);

#endif
