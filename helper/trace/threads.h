/* What the threads of a process are doing: proc(5), /proc/PID/task/TID/syscall. */
#ifndef TFHELPER_THREADS_H
#define TFHELPER_THREADS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The thread that bears it best to be stopped; 0 if there is none. */
pid_t pick_thread_to_stop(pid_t process);

/* May it be stopped, without waiting for it? */
bool stops_at_once(pid_t process, pid_t thread);

/* Is it in io_uring_enter(2)? */
bool is_in_ring(pid_t process, pid_t thread);

/* How a thread waits on a descriptor. */
enum wait_kind {
    NO_WAIT,
    IN_ACCEPT, /* in accept() on it, or in a call that receives a datagram */
    IN_POLL,   /* in poll() or select(), with it among others */
};

/* Descriptors with a number from here on are not looked for in poll() and select(). */
enum { MOST_NUMBERS = 64 * 1024 };

/* What a thread waits on, as of now: read once, and compared with as many numbers as there are. */
struct thread_wait {
    enum wait_kind kind;
    int number;                                    /* IN_ACCEPT: of the descriptor */
    unsigned char polled[MOST_NUMBERS / CHAR_BIT]; /* IN_POLL: a bit for each number */
};

void read_wait(pid_t process, pid_t thread, struct thread_wait *wait);

/* How does it wait on the descriptor with this number, if it does? */
enum wait_kind waits_on(const struct thread_wait *wait, int number);

#endif
