#include "impatience.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "helper/base/log.h"

/* The kernel's own struct timespec: where that of a libc may be wider, there is another call. */
#if defined(SYS_timer_settime64)
#define SET_TIMER SYS_timer_settime64
typedef long long part;
#else
#define SET_TIMER SYS_timer_settime
typedef long part;
#endif

/* Nanoseconds. Longer than most turns take; and in a longer one, so often. */
enum { FIRST = 20 * 1000 * 1000, NEXT = 2 * 1000 * 1000 };

static int timer;
static bool is_open;
static bool is_set;

static void interrupted(int number)
{
    (void)number;
}

/*
 * By system calls: an old glibc has these functions in another library, and libfaketime, preloaded
 * for the server, would give them another clock.
 */
void open_impatience(int signal)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal};
    struct sigaction action = {.sa_handler = interrupted, .sa_flags = SA_RESTART};

    sigemptyset(&action.sa_mask);
    sigaction(signal, &action, NULL);
    is_open = syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) == 0;
    if (!is_open)
        log_line(LEVEL_DEBUG, "cannot create a timer: %s", strerror(errno));
}

static void set_timer(part first, part next)
{
    const part times[4] = {0, next, 0, first}; /* struct itimerspec */

    is_set = first != 0;
    if (is_open)
        syscall(SET_TIMER, timer, 0, times, NULL);
}

void become_impatient(void)
{
    set_timer(FIRST, NEXT);
}

void become_patient(void)
{
    if (is_set)
        set_timer(0, 0);
}
