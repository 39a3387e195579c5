/*
 * An order is a SIGURG. It interrupts one thread of the process, and the kernel
 * would pick the main one: which one is better for the server is decided here.
 */
#include "orders.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "any_thread.h"
#include "deliver.h"
#include "family.h"
#include "held_listeners.h"
#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/base/memory.h"
#include "helper/kernel/procfile.h"
#include "speakers.h"

/* After so long without an answer the order may have met a busy process: repeat it. */
static const int64_t repeat_after = 100 * MILLISECOND;

/* And again after twice as long, for so many times. */
enum { MOST_DOUBLED = 3 };

/* Between two looks, so many times as long as the last one took: the server needs it to answer. */
enum { PACE_PER_COST = 3 };

/* While answers arrive, a look waits no longer than this. */
static const int64_t longest_wait = SECOND;

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
        {SYS_accept4, 5},
        {SYS_futex, 4},
        {SYS_wait4, 4},
        {SYS_waitid, 4},
        {SYS_epoll_pwait, 3},
#ifdef SYS_epoll_wait
        {SYS_epoll_wait, 3},
        {SYS_poll, 3},
        {SYS_pause, 3},
#endif
#ifdef SYS_select
        {SYS_select, 3},
#endif
#ifdef SYS__newselect /* 32-bit architectures have several of a kind, and not all of each */
        {SYS__newselect, 3},
#endif
#ifdef SYS_futex_time64
        {SYS_futex_time64, 4},
#endif
#ifdef SYS_ppoll_time64
        {SYS_ppoll_time64, 3},
        {SYS_pselect6_time64, 3},
        {SYS_rt_sigtimedwait_time64, 3},
#endif
        {SYS_ppoll, 3},
        {SYS_pselect6, 3},
        {SYS_rt_sigtimedwait, 3},
        {SYS_rt_sigsuspend, 3},
    };
    struct thread_call call;

    if (read_syscall(pid, thread, &call) != IS_THERE)
        return 0;
    if (call.running)
        return 2;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (calls[i].number == call.number)
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
    struct proc_status status;

    return read_status_of_thread(pid, thread, &status) == IS_THERE &&
           (status.state == 'Z' || status.blocked >> (ORDER_SIGNAL - 1) & 1);
}

/*
 * The thread that bears it best; the process itself where there is no choice. A
 * mask is only looked at where it may matter: /proc is slow, threads are many.
 */
static pid_t pick_thread(pid_t pid)
{
    pid_t *threads;
    size_t count;
    pid_t best = pid;
    int most = 0;

    list_threads(pid, &threads, &count);
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
    [ORDER_COLLECT] = "collect",     [ORDER_RETIRE] = "retire",     [ORDER_RESUME] = "resume",
    [ORDER_REARM] = "rearm",         [ORDER_WAKE] = "wake",         [ORDER_COUNT] = "count",
    [ORDER_TAKE_BACK] = "take back", [ORDER_COUNT_ON] = "count on", [ORDER_COPY] = "copy",
    [ORDER_LOCK] = "lock",
};

void send_order(pid_t pid, enum order order, unsigned generation)
{
    const struct member *member = find_member(pid);
    pid_t thread = pick_thread(pid);
    union sigval value = {.sival_int = (int)order_value(order, generation)};

    log_line(LEVEL_DEBUG, "order to %s: process %d, thread %d", order_names[order], pid, thread);
    if (member)
        queue_to_member(member, thread, ORDER_SIGNAL, value);
}

static struct asked *find_asked(const struct asked_list *list, pid_t pid)
{
    ssize_t position = position_of(&list->index, pid);

    return position == NO_POSITION ? NULL : &list->item[position];
}

static struct asked *add_asked(struct asked_list *list, struct asked asked)
{
    list->item = grow(list->item, list->count + 1, sizeof *list->item);
    list->item[list->count] = asked;
    add_position(&list->index, asked.pid, list->count);
    return &list->item[list->count++];
}

static void order_again(struct asked *asked, unsigned generation)
{
    asked->repeated += asked->when != 0 && asked->repeated < MOST_DOUBLED;
    asked->when = now();
    asked->next_part = 0;
    send_order(asked->pid, asked->order, generation);
}

bool order_member(struct asked_list *list, const struct member *member, enum order order)
{
    struct asked *asked = find_asked(list, member->pid);

    if (!asked)
        asked = add_asked(list, (struct asked){.pid = member->pid, .order = order, .since = now()});
    if (asked->answered)
        return false;
    if (!member->sandboxed && asked->next_part == 0 &&
        now() - asked->when >= repeat_after << asked->repeated && !is_speaking(asked->pid))
        order_again(asked, member->generation);
    return true;
}

int64_t note_part(struct asked_list *list, pid_t pid)
{
    struct asked *asked = find_asked(list, pid);

    if (!asked || asked->answered)
        return 0;
    /* it serves its clients for as long as it was kept from that, at least */
    asked->next_part = now() + (now() - asked->when);
    asked->order = ORDER_COUNT_ON;
    asked->repeated = 0;
    return asked->next_part;
}

int64_t ask_for_parts(struct asked_list *list, unsigned generation)
{
    int64_t next = 0;

    for (size_t i = 0; i < list->count; i++) {
        struct asked *asked = &list->item[i];

        if (asked->next_part == 0 || asked->answered)
            continue;
        if (asked->next_part <= now())
            order_again(asked, generation);
        else if (next == 0 || asked->next_part < next)
            next = asked->next_part;
    }
    return next;
}

static bool is_excusable(const struct asked *asked)
{
    return !asked->answered && (asked->when == 0 || now() - asked->since > look_after) &&
           !is_speaking(asked->pid);
}

/*
 * Some processes cannot answer: one that lives in a network namespace of its
 * own (vsftpd's sessions), where our socket is not, or one that takes the signal
 * for its own without libc (Go). One in a sandbox (sshd's before the login) is
 * not even asked. Whoever holds no listener owes no answer. What all of the
 * machine has open is looked through for that: not more than now and then.
 */
static void excuse_silent(struct asked_list *list)
{
    pid_t *pids = allocate(list->count + 1, sizeof *pids);
    bool *may = allocate(list->count + 1, sizeof *may);
    int64_t begun = now();
    size_t count = 0;

    for (size_t i = 0; i < list->count && begun >= list->next_excuse; i++)
        if (is_excusable(&list->item[i]))
            pids[count++] = list->item[i].pid;
    if (count > 0) {
        may_hold_listeners(pids, count, may);
        list->next_excuse = now() + look_after + (now() - begun) * PACE_PER_COST;
    }
    for (size_t i = 0; i < count; i++)
        find_asked(list, pids[i])->answered = !may[i];
    free(pids);
    free(may);
}

/*
 * An answer that arrives is read to its end before anybody looks again. Those that
 * nobody has seen yet wait for that, but not for good.
 */
static bool does_answer_arrive(const struct asked_list *list)
{
    if (now() - list->looked > longest_wait)
        return false;
    for (size_t i = 0; i < list->count; i++)
        if (!list->item[i].answered && is_speaking(list->item[i].pid))
            return true;
    return false;
}

static size_t count_silent(const struct asked_list *list)
{
    size_t silent = 0;

    for (size_t i = 0; i < list->count; i++)
        silent += !list->item[i].answered;
    return silent;
}

static void order_family(struct asked_list *list, const struct family *family, unsigned generation,
                         enum order order)
{
    for (size_t i = 0; i < family->count; i++) {
        const struct member *member = &family->member[i];

        if (member->generation == generation && member->takes_orders)
            order_member(list, member, order);
    }
    excuse_silent(list);
    /* who is gone, or has executed something that takes no orders, owes no answer */
    for (size_t i = 0; i < list->count; i++) {
        const struct member *member = find_member(list->item[i].pid);

        if (member ? !member->takes_orders && !member->unread : family->error == 0)
            list->item[i].answered = true;
    }
}

size_t order_members(struct asked_list *list, unsigned generation, enum order order)
{
    const struct family *family;
    int64_t begun = now();

    if (does_answer_arrive(list))
        return count_silent(list);
    family = look_at_family();
    order_family(list, family, generation, order);
    list->looked = now();
    list->cost = list->looked - begun;
    return count_silent(list) + (family->error != 0);
}

int64_t pace_of_orders(const struct asked_list *list, int64_t shortest)
{
    int64_t pace = list->cost * PACE_PER_COST;

    return pace < shortest ? shortest : pace > longest_wait ? longest_wait : pace;
}

void announce(unsigned generation, enum order order)
{
    const struct family *family = look_at_family();

    for (size_t i = 0; i < family->count; i++) {
        const struct member *member = &family->member[i];

        if (member->generation == generation && member->takes_orders && !member->sandboxed)
            send_order(member->pid, order, generation);
    }
}

static bool is_pending(pid_t pid, pid_t thread, const void *unused)
{
    const uint64_t signal = UINT64_C(1) << (ORDER_SIGNAL - 1);
    struct proc_status status;

    (void)unused;
    return read_status_of_thread(pid, thread, &status) == IS_THERE && status.pending & signal &&
           !(status.blocked & signal);
}

bool has_pending_order(unsigned generation)
{
    return any_thread_of(generation, is_pending, NULL);
}

bool note_answer(struct asked_list *list, pid_t pid)
{
    struct asked *asked = find_asked(list, pid);

    if (!asked || asked->answered)
        return false;
    asked->answered = true;
    return true;
}

pid_t find_silent_of(const struct asked_list *list, int64_t until)
{
    for (size_t i = 0; i < list->count; i++)
        if (!list->item[i].answered && list->item[i].since <= until)
            return list->item[i].pid;
    return 0;
}

pid_t find_silent(const struct asked_list *list)
{
    return find_silent_of(list, INT64_MAX);
}

bool was_asked(const struct asked_list *list, pid_t pid)
{
    return find_asked(list, pid) != NULL;
}

void note_told(struct asked_list *list, pid_t pid)
{
    add_asked(list, (struct asked){.pid = pid, .answered = true});
}

void forget_asked(struct asked_list *list)
{
    free(list->item);
    free_index(&list->index);
    *list = (struct asked_list){.item = NULL};
}
