/* What belongs to another process, taken or read from outside. */
#ifndef TFHELPER_BORROW_H
#define TFHELPER_BORROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A copy of a descriptor of a process, or -1 with errno: EPERM where ptrace(2) may not attach. */
int borrow_descriptor(pid_t process, int number);

/*
 * The same of what an upgrade cannot do without, a listener or an epoll set: where pidfd_getfd(2)
 * is denied, as in a container, or not there, another way is tried that somebody has set.
 */
int borrow_needed(pid_t process, int number);
extern int (*borrow_otherwise)(pid_t process, int number);

/* Is this errno one of those? */
bool is_borrowing_denied(int error);

/* Read the memory of a process. False if not all of it is there. */
bool read_memory(pid_t process, uint64_t address, void *memory, size_t size);

/* Is this descriptor closed when the process executes something else? */
bool is_closed_on_exec(pid_t process, int number);

#endif
