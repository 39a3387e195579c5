#include "threads.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/syscall.h>

#include "borrow.h"
#include "helper/kernel/procfile.h"

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441 /* Linux 5.11 */
#endif

#ifndef SYS_io_uring_enter
#define SYS_io_uring_enter 426 /* Linux 5.1 */
#endif

/* So many descriptors of one poll() or select() are looked at. */
enum { MOST_POLLED = 4096 };

/*
 * A thread that sleeps in a futex has nothing to lose but a moment. One in epoll_wait() is put
 * back into it by hand. One that runs may be in the middle of a client's answer, which waits. One
 * that waits for our answer to a call stops when it has got it: 0, it is not to be picked.
 */
static int patience_of(const struct thread_call *call)
{
    switch (call->number) {
    case SYS_bind:
    case SYS_listen:
    case SYS_unlinkat:
#ifdef SYS_unlink
    case SYS_unlink:
#endif
        return 0;
    case SYS_futex:
        return 5;
#ifdef SYS_accept
    case SYS_accept:
#endif
    case SYS_accept4:
    case SYS_wait4:
        return 4;
#ifdef SYS_poll
    case SYS_poll:
    case SYS_pause:
#endif
#ifdef SYS_select
    case SYS_select:
#endif
    case SYS_ppoll:
    case SYS_pselect6:
    case SYS_nanosleep:
    case SYS_clock_nanosleep:
        return 3;
#ifdef SYS_epoll_wait
    case SYS_epoll_wait:
#endif
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2:
    case SYS_io_uring_enter:
        return 2;
    default:
        return 1;
    }
}

/* One that sleeps where no signal wakes it (vfork(2), a disk) stops when that is over. */
bool stops_at_once(pid_t process, pid_t thread)
{
    struct proc_status status;

    return read_status_of_thread(process, thread, &status) == IS_THERE && status.state != 'D';
}

pid_t pick_thread_to_stop(pid_t process)
{
    pid_t *threads;
    size_t count = 0;
    pid_t best = 0;
    int most = 0;

    list_threads(process, &threads, &count);
    for (size_t i = 0; i < count; i++) {
        struct thread_call call;
        int patience = 0;

        if (read_syscall(process, threads[i], &call) == IS_THERE)
            patience = patience_of(&call);
        if (patience > most && stops_at_once(process, threads[i])) {
            most = patience;
            best = threads[i];
        }
    }
    free(threads);
    return best;
}

bool is_in_ring(pid_t process, pid_t thread)
{
    struct thread_call call;

    return read_syscall(process, thread, &call) == IS_THERE && !call.running &&
           call.number == SYS_io_uring_enter;
}

static void set_polled(struct thread_wait *wait, int number)
{
    wait->kind = IN_POLL;
    if (number >= 0 && number < MOST_NUMBERS)
        wait->polled[number / CHAR_BIT] |= (unsigned char)(1u << number % CHAR_BIT);
}

static void read_polled(pid_t process, const struct thread_call *call, struct thread_wait *wait)
{
    static struct pollfd list[MOST_POLLED];
    unsigned long count = call->second_argument < MOST_POLLED ? call->second_argument : MOST_POLLED;

    memset(wait->polled, 0, sizeof wait->polled);
    if (!read_memory(process, call->first_argument, list, count * sizeof *list))
        return;
    for (unsigned long i = 0; i < count; i++)
        if (list[i].events & POLLIN)
            set_polled(wait, list[i].fd);
}

/* The kernel has overwritten nothing yet: it does so when the call returns. It reads whole words.
 */
static void read_selected(pid_t process, const struct thread_call *call, struct thread_wait *wait)
{
    const unsigned long word = sizeof(long) * CHAR_BIT;
    unsigned long count = call->first_argument < MOST_NUMBERS ? call->first_argument : MOST_NUMBERS;

    memset(wait->polled, 0, sizeof wait->polled);
    if (call->second_argument != 0 && read_memory(process, call->second_argument, wait->polled,
                                                  (count + word - 1) / word * sizeof(long)))
        wait->kind = IN_POLL;
}

void read_wait(pid_t process, pid_t thread, struct thread_wait *wait)
{
    struct thread_call call;

    wait->kind = NO_WAIT;
    if (read_syscall(process, thread, &call) != IS_THERE)
        return;
    switch (call.number) {
#ifdef SYS_accept
    case SYS_accept:
#endif
    case SYS_accept4:
    case SYS_recvfrom:
    case SYS_recvmsg:
    case SYS_recvmmsg:
    case SYS_read:
        wait->kind = IN_ACCEPT;
        wait->number = (int)call.first_argument;
        break;
#ifdef SYS_poll
    case SYS_poll:
#endif
    case SYS_ppoll:
        read_polled(process, &call, wait);
        break;
#ifdef SYS_select
    case SYS_select:
#endif
    case SYS_pselect6:
        read_selected(process, &call, wait);
        break;
    }
}

enum wait_kind waits_on(const struct thread_wait *wait, int number)
{
    if (wait->kind == IN_ACCEPT)
        return wait->number == number ? IN_ACCEPT : NO_WAIT;
    if (wait->kind == IN_POLL && number < MOST_NUMBERS &&
        wait->polled[number / CHAR_BIT] >> number % CHAR_BIT & 1)
        return IN_POLL;
    return NO_WAIT;
}
