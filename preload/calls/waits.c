/*
 * Waits that a signal handler ends. On the way in: one load says whether
 * anything needs a look (readiness.c). On the way out: was it our order?
 */
#include "waits.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "preload/kernel/clock.h"
#include "preload/kernel/real.h"
#include "preload/process/process.h"
#include "preload/signals/interruption.h"
#include "preload/signals/masks.h"
#include "preload/signals/upgrade_signal.h"
#include "preload/upgrade/accept.h"
#include "preload/upgrade/readiness.h"

/*
 * Did the call fail only because an order interrupted it? `before` is the count at its start. Most
 * calls do not fail, and are held up by one comparison.
 */
static inline __attribute__((always_inline)) bool interrupted_by_order(int result, unsigned *before)
{
    if (__builtin_expect(result != -1, 1) || errno != EINTR || *before == order_interruptions)
        return false;
    *before = order_interruptions;
    return true;
}

/* When a wait of so many milliseconds ends; it is read only where there is an end. */
static int64_t deadline_of(int milliseconds)
{
    return milliseconds > 0 ? nanoseconds_now() + (int64_t)milliseconds * 1000000 : 0;
}

/* Milliseconds until then, rounded up as the kernel does. */
static int milliseconds_left(int64_t deadline, int milliseconds)
{
    int64_t left;

    if (milliseconds <= 0)
        return milliseconds;
    left = deadline - nanoseconds_now();
    return left > 0 ? (int)((left + 999999) / 1000000) : 0;
}

/* The same for a timespec: NULL is for ever, and one that is not valid is left to the kernel. */
struct time_limit {
    const struct timespec *given;
    struct timespec left;
    int64_t deadline;
};

static void start_limit(struct time_limit *limit, const struct timespec *timeout)
{
    limit->given = timeout;
    limit->deadline = 0;
    if (!timeout || (timeout->tv_sec == 0 && timeout->tv_nsec == 0))
        return;
    limit->left = *timeout;
    if (timeout->tv_sec >= 0 && timeout->tv_sec < INT32_MAX)
        limit->deadline =
            nanoseconds_now() + (int64_t)timeout->tv_sec * 1000000000 + timeout->tv_nsec;
}

/* What the next attempt passes. */
static const struct timespec *limit_left(struct time_limit *limit)
{
    int64_t left;

    if (limit->deadline == 0)
        return limit->given;
    left = limit->deadline - nanoseconds_now();
    if (left < 0)
        left = 0;
    limit->left.tv_sec = (time_t)(left / 1000000000);
    limit->left.tv_nsec = (long)(left % 1000000000);
    return &limit->left;
}

static int accept_or_share(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    int saved = errno;
    int result;

    if (attends(ATTENTION_OF_WAITS | ATTENTION_NO_LISTENER)) {
        if (attends(ATTENTION_READINESS | ATTENTION_ADOPTED | ATTENTION_NO_LISTENER))
            look_before_accept(fd);
        if (attends(ATTENTION_UPGRADE))
            return accept_shared(fd, address, length, flags);
    }
    result =
        flags ? real()->accept4(fd, address, length, flags) : real()->accept(fd, address, length);
    /* collected meanwhile: a successor's O_NONBLOCK shows once the kernel makes the call again */
    if (result == -1 && errno == EAGAIN && attends(ATTENTION_FLAGS | ATTENTION_UPGRADE)) {
        errno = saved;
        result = accept_shared(fd, address, length, flags);
    }
    return result;
}

/* A listener with SO_RCVTIMEO is not restarted after a handler: signal(7). */
int wait_accept(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    unsigned before = order_interruptions;
    int result;

    do
        result = accept_or_share(fd, address, length, flags);
    while (interrupted_by_order(result, &before));
    return result;
}

/* What poll(), select() or epoll returns: see accept_shared(). */
static int announced(int result)
{
    if (result > 0) {
        announcements++;
        if (attends(ATTENTION_FLAGS | ATTENTION_UPGRADE))
            note_announcement();
    }
    return result;
}

int wait_poll(struct pollfd *fds, nfds_t count, int timeout)
{
    unsigned before = order_interruptions;
    int64_t deadline = deadline_of(timeout);
    int left = timeout;
    int result;

    do {
        if (wait_needs_attention())
            look_before_poll(fds, count);
        result = real()->poll(fds, count, left);
        /* restarted: the listener may be another socket by now, and the time shorter */
    } while (interrupted_by_order(result, &before) &&
             (left = milliseconds_left(deadline, timeout), true));
    return announced(result);
}

int wait_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
               const sigset_t *mask)
{
    unsigned before = order_interruptions;
    struct time_limit limit;
    const struct timespec *left = timeout;
    sigset_t copy;
    int result;

    mask = without_reserved(mask, &copy);
    start_limit(&limit, timeout);
    for (;;) {
        if (wait_needs_attention())
            look_before_poll(fds, count);
        result = real()->ppoll(fds, count, left, mask);
        if (!interrupted_by_order(result, &before))
            return announced(result);
        left = limit_left(&limit);
    }
}

/* Linux writes the time that is left into the timeout, and leaves the sets alone: select(2). */
int wait_select(int highest, fd_set *readers, fd_set *writers, fd_set *exceptions,
                struct timeval *timeout)
{
    unsigned before = order_interruptions;
    int result;

    do {
        if (wait_needs_attention())
            look_before_select(highest, readers);
        result = real()->select(highest, readers, writers, exceptions, timeout);
    } while (interrupted_by_order(result, &before));
    return announced(result);
}

int wait_pselect(int highest, fd_set *readers, fd_set *writers, fd_set *exceptions,
                 const struct timespec *timeout, const sigset_t *mask)
{
    unsigned before = order_interruptions;
    struct time_limit limit;
    const struct timespec *left = timeout;
    sigset_t copy;
    int result;

    mask = without_reserved(mask, &copy);
    start_limit(&limit, timeout);
    for (;;) {
        if (wait_needs_attention())
            look_before_select(highest, readers);
        result = real()->pselect(highest, readers, writers, exceptions, left, mask);
        if (!interrupted_by_order(result, &before))
            return announced(result);
        left = limit_left(&limit);
    }
}

int wait_epoll(int set, struct epoll_event *events, int count, int timeout, const sigset_t *mask)
{
    unsigned before = order_interruptions;
    int64_t deadline = deadline_of(timeout);
    int left = timeout;
    sigset_t copy;
    int result;

    if (mask)
        mask = without_reserved(mask, &copy);
    for (;;) {
        if (wait_needs_attention())
            look_before_epoll(set);
        result = mask ? real()->epoll_pwait(set, events, count, left, mask)
                      : real()->epoll_wait(set, events, count, left);
        if (!interrupted_by_order(result, &before))
            return announced(result);
        left = milliseconds_left(deadline, timeout);
    }
}

int wait_epoll_pwait2(int set, struct epoll_event *events, int count,
                      const struct timespec *timeout, const sigset_t *mask)
{
    unsigned before = order_interruptions;
    struct time_limit limit;
    const struct timespec *left = timeout;
    sigset_t copy;
    int result;

    mask = without_reserved(mask, &copy);
    start_limit(&limit, timeout);
    for (;;) {
        if (wait_needs_attention())
            look_before_epoll(set);
        result = real()->epoll_pwait2(set, events, count, left, mask);
        if (!interrupted_by_order(result, &before))
            return announced(result);
        left = limit_left(&limit);
    }
}

int wait_pause(void)
{
    unsigned before = order_interruptions;
    int result;

    do
        result = real()->pause();
    while (interrupted_by_order(result, &before));
    return result;
}

int wait_sigsuspend(const sigset_t *mask)
{
    unsigned before = order_interruptions;
    sigset_t copy;
    int result;

    mask = without_reserved(mask, &copy);
    do
        result = real()->sigsuspend(mask);
    while (interrupted_by_order(result, &before));
    return result;
}

/* clock_nanosleep(2) returns its error instead of setting errno; nanosleep(2) does not. */
int wait_clock_nanosleep(clockid_t clock, int flags, const struct timespec *request,
                         struct timespec *left)
{
    unsigned before = order_interruptions;
    struct timespec rest;
    int result;

    for (;;) {
        result = real()->clock_nanosleep(clock, flags, request, &rest);
        if (result != EINTR || before == order_interruptions)
            break;
        before = order_interruptions;
        if (!(flags & TIMER_ABSTIME))
            request = &rest;
    }
    if (result == EINTR && left && !(flags & TIMER_ABSTIME))
        *left = rest;
    return result;
}

/* thrd_sleep(3): 0, -1 for a signal, something else below 0 for an error; errno is not touched. */
int wait_thrd_sleep(const struct timespec *request, struct timespec *left)
{
    int error = wait_clock_nanosleep(CLOCK_REALTIME, 0, request, left);

    return error == 0 ? 0 : error == EINTR ? -1 : -2;
}

int wait_nanosleep(const struct timespec *request, struct timespec *left)
{
    unsigned before = order_interruptions;
    struct timespec rest;
    int result;

    while (interrupted_by_order(result = real()->nanosleep(request, &rest), &before))
        request = &rest;
    if (result == -1 && errno == EINTR && left)
        *left = rest;
    return result;
}

unsigned wait_sleep(unsigned seconds)
{
    struct timespec left = {.tv_sec = (time_t)seconds};

    return wait_nanosleep(&left, &left) == -1 ? (unsigned)left.tv_sec : 0;
}

int wait_usleep(unsigned microseconds)
{
    struct timespec request = {.tv_sec = (time_t)(microseconds / 1000000),
                               .tv_nsec = (long)(microseconds % 1000000) * 1000};

    return wait_nanosleep(&request, NULL);
}

/* The kernel hands an upgrade signal to whoever waits for it, before any handler. */
int wait_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
    unsigned before = order_interruptions;
    struct time_limit limit;
    const struct timespec *left = timeout;
    siginfo_t ignored;
    sigset_t copy;
    int result;

    if (!info)
        info = &ignored;
    set = set_to_await(set, &copy);
    start_limit(&limit, timeout);
    for (;;) {
        result = left ? real()->sigtimedwait(set, info, left) : real()->sigwaitinfo(set, info);
        if (!interrupted_by_order(result, &before) && !is_upgrade_request(result, info))
            return result;
        left = limit_left(&limit);
    }
}

/* sigwait(3) returns its error, and is not ended by a handler. */
int wait_sigwait(const sigset_t *set, int *number)
{
    int saved = errno;
    int result;

    if (!session.active)
        return real()->sigwait(set, number);
    do
        result = wait_sigtimedwait(set, NULL, NULL);
    while (result == -1 && errno == EINTR);
    if (result == -1)
        result = errno;
    else {
        *number = result;
        result = 0;
    }
    errno = saved;
    return result;
}
