/* System calls that a program waits in until we have answered them: seccomp_unotify(2). */
#ifndef TFHELPER_CALLS_H
#define TFHELPER_CALLS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct seccomp_notif;

struct call {
    int notify;                    /* where it came from, and is answered */
    struct seccomp_notif *request; /* shared with the holder: see holder.h */
    uint64_t id;
    pid_t thread;
    pid_t process; /* the thread's; 0 if it is gone, or not to be seen from here */
    int number;
    uint64_t argument[6];
};

/* Receive the next call without waiting for one. False if there is none. */
bool receive_call(int notify, struct seccomp_notif *request, struct call *call);

/* Does the thread wait in it still? What was read of the process was read in vain otherwise. */
bool is_pending(const struct call *call);

/* Let the kernel do it. */
void let_pass(const struct call *call);

/* It has been done: the program sees this result, 0 or an errno. */
void answer_call(const struct call *call, int error);

/* Put a copy of our descriptor under the caller's number, in the place of what is there. */
bool put_descriptor(const struct call *call, int fd, int number, bool close_on_exec);

/* Does this kernel have what put_descriptor() needs? */
bool can_put_descriptors(int notify);

#endif
