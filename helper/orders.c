/*
 * An order is a SIGURG. It interrupts one thread of the process, and the kernel
 * would pick the main one: which one is better for the server is decided here.
 */
#include "orders.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "family.h"
#include "generation.h"
#include "listeners.h"
#include "log.h"
#include "memory.h"
#include "procfile.h"

/* After so long without an answer the order may have met a busy process: repeat it. */
static const int64_t repeat_after = 100 * MILLISECOND;

/* After so long it is looked into: perhaps it has nothing to answer for. */
static const int64_t look_after = 300 * MILLISECOND;

/*
 * How well a thread that sits in this system call bears an interruption: calls
 * that the kernel restarts after a handler (signal(7)), best accept(), before
 * those that fail with EINTR, which the library hides where it can. (A futex with
 * a time limit is one of these, which does not show here, and most are without.)
 */
static int fitness(pid_t pid, pid_t thread)
{
    static const struct {
        long number;
        int fitness;
    } calls[] = {
#ifdef SYS_accept
        {SYS_accept, 5},
#endif
        {SYS_accept4, 5},     {SYS_futex, 4},    {SYS_wait4, 4},           {SYS_waitid, 4},
        {SYS_epoll_pwait, 3},
#ifdef SYS_epoll_wait
        {SYS_epoll_wait, 3},  {SYS_poll, 3},     {SYS_pause, 3},           {SYS_select, 3},
#endif
        {SYS_ppoll, 3},       {SYS_pselect6, 3}, {SYS_rt_sigtimedwait, 3}, {SYS_rt_sigsuspend, 3},
    };
    char name[64];
    char text[256];
    long number;

    snprintf(name, sizeof name, "task/%d/syscall", thread);
    if (read_proc_file(pid, name, text, sizeof text) <= 0)
        return 0;
    if (strncmp(text, "running", 7) == 0)
        return 2;
    number = strtol(text, NULL, 10);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (calls[i].number == number)
            return calls[i].fitness;
    return 1;
}

/*
 * The library keeps it unblocked wherever a wrapper sees the mask. libc's own threads
 * block all signals unseen: the one of timer_create(2) with SIGEV_THREAD, for example.
 * And a main thread that has ended by pthread_exit(3) is there still, and takes none.
 */
static bool blocks_orders(pid_t pid, pid_t thread)
{
    char name[64];
    char text[PROC_FILE_SIZE];

    snprintf(name, sizeof name, "task/%d/status", thread);
    return read_proc_file(pid, name, text, sizeof text) > 0 &&
           (strstr(text, "\nState:\tZ") ||
            status_number(text, "\nSigBlk:", 16) >> (ORDER_SIGNAL - 1) & 1);
}

/*
 * The thread that bears it best; the process itself where there is no choice. A
 * mask is only looked at where it may matter: /proc is slow, threads are many.
 */
static pid_t pick_thread(pid_t pid)
{
    pid_t *threads;
    size_t count = list_threads(pid, &threads);
    pid_t best = pid;
    int most = 0;

    for (size_t i = 0; count > 1 && i < count; i++) {
        int fit = fitness(pid, threads[i]);

        if (fit > most && !blocks_orders(pid, threads[i])) {
            most = fit;
            best = threads[i];
        }
    }
    free(threads);
    return most > 0 ? best : 0;
}

static const char *const order_names[] = {
    [ORDER_COLLECT] = "collect", [ORDER_RETIRE] = "retire", [ORDER_RESUME] = "resume",
    [ORDER_REARM] = "rearm",     [ORDER_WAKE] = "wake",     [ORDER_COUNT] = "count",
};

void send_order(pid_t pid, enum order order, unsigned generation)
{
    pid_t thread = pick_thread(pid);
    siginfo_t info;

    memset(&info, 0, sizeof info);
    info.si_signo = ORDER_SIGNAL;
    info.si_code = SI_QUEUE;
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_int = (int)order_value(order, generation);
    log_line(LEVEL_DEBUG, "order to %s: process %d, thread %d", order_names[order], pid, thread);
    if (thread)
        syscall(SYS_rt_tgsigqueueinfo, pid, thread, ORDER_SIGNAL, &info);
    else
        sigqueue(pid, ORDER_SIGNAL, info.si_value);
}

static struct asked *find_asked(struct generation *owner, pid_t pid)
{
    for (size_t i = 0; i < owner->asked_count; i++)
        if (owner->asked[i].pid == pid)
            return &owner->asked[i];
    return NULL;
}

bool order_member(struct generation *owner, const struct member *member, enum order order)
{
    struct asked *asked = find_asked(owner, member->pid);

    if (!asked) {
        owner->asked = grow(owner->asked, owner->asked_count + 1, sizeof *owner->asked);
        asked = &owner->asked[owner->asked_count++];
        *asked = (struct asked){.pid = member->pid, .since = now()};
    }
    if (asked->answered)
        return false;
    if (!member->sandboxed && now() - asked->when >= repeat_after) {
        asked->when = now();
        send_order(member->pid, order, member->generation);
    }
    return true;
}

/*
 * Some processes cannot answer: one that lives in a network namespace of its
 * own (vsftpd's sessions), where our socket is not, or one that takes the signal
 * for its own without libc (Go). One in a sandbox (sshd's before the login) is
 * not even asked. Whoever holds no listener owes no answer.
 */
static void excuse_silent(struct generation *owner)
{
    for (size_t i = 0; i < owner->asked_count; i++) {
        struct asked *asked = &owner->asked[i];

        if (!asked->answered && (asked->when == 0 || now() - asked->since > look_after))
            asked->answered = !may_hold_listener(asked->pid);
    }
}

size_t order_members(struct generation *owner, const struct generation *members, enum order order)
{
    const struct family *family = look_at_family();
    size_t silent = 0;

    for (size_t i = 0; i < family->count; i++) {
        const struct member *member = &family->member[i];

        if (member->generation == members->number && member->takes_orders)
            order_member(owner, member, order);
    }
    excuse_silent(owner);
    /* who is gone, or has executed something that takes no orders, owes no answer */
    for (size_t i = 0; i < owner->asked_count; i++) {
        const struct member *member = find_member(owner->asked[i].pid);

        if (!member || !member->takes_orders)
            owner->asked[i].answered = true;
        silent += !owner->asked[i].answered;
    }
    return silent;
}

bool note_answer(struct generation *owner, pid_t pid)
{
    struct asked *asked = find_asked(owner, pid);

    if (!asked || asked->answered)
        return false;
    asked->answered = true;
    return true;
}

pid_t find_silent_of(const struct generation *owner, int64_t until)
{
    for (size_t i = 0; i < owner->asked_count; i++)
        if (!owner->asked[i].answered && owner->asked[i].since <= until)
            return owner->asked[i].pid;
    return 0;
}

pid_t find_silent(const struct generation *owner)
{
    return find_silent_of(owner, INT64_MAX);
}

void forget_asked(struct generation *owner)
{
    free(owner->asked);
    owner->asked = NULL;
    owner->asked_count = 0;
}

void announce(const struct generation *members, enum order order)
{
    const struct family *family = look_at_family();

    for (size_t i = 0; i < family->count; i++) {
        const struct member *member = &family->member[i];

        if (member->generation == members->number && member->takes_orders && !member->sandboxed)
            send_order(member->pid, order, members->number);
    }
}
