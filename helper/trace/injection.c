/*
 * Nothing that the program could notice is left behind: its registers are put back, its signals
 * wait meanwhile, and the call that it was in is begun again, as the kernel would have done.
 */
#include "injection.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/kernel/deadly_calls.h"
#include "helper/kernel/procfile.h"
#include "helper/processes/family.h"
#include "trace.h"

/* A thread that is not stopped by then sleeps where no signal wakes it (state D). */
static const int64_t patience = 500 * MILLISECOND;

/* What the kernel's headers have of siginfo_t is enough: a set of 64 signals. */
static const uint64_t all_signals = UINT64_MAX;

/* prctl(2): otherwise it would be 50 us longer, many times while a thread is stopped. */
static int nap(struct pollfd *calls, const struct timespec *moment)
{
    int ready;

    prctl(PR_SET_TIMERSLACK, 1L);
    ready = ppoll(calls, 1, moment, NULL);
    prctl(PR_SET_TIMERSLACK, 0L); /* as it was, and as our children shall have it */
    return ready;
}

/*
 * Wait until the thread has stopped, without taking its end away from those who wait for that. It
 * may be in a call that we have to answer first. Returns 0 and the status, or an errno.
 */
static int wait_for_stop(struct trace *trace, pid_t thread, int *status)
{
    const int64_t end = now() + patience;

    for (;;) {
        siginfo_t info = {.si_pid = 0};
        struct pollfd calls = {trace ? trace->watch.fd : -1, POLLIN, 0};
        const struct timespec moment = {0, 20000};

        if (waitid(P_PID, (id_t)thread, &info, WSTOPPED | WEXITED | WNOHANG | WNOWAIT | __WALL) ==
            -1)
            return errno == ECHILD ? ESRCH : errno;
        if (info.si_pid != 0 && info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED)
            return ESRCH;
        if (info.si_pid != 0)
            return waitpid(thread, status, __WALL | WNOHANG) == thread ? 0 : ESRCH;
        if (now() > end)
            return ETIMEDOUT;
        if (nap(&calls, &moment) == 1)
            serve_calls(trace);
    }
}

static bool is_call_stop(int status)
{
    return WSTOPSIG(status) == (SIGTRAP | 0x80); /* PTRACE_O_TRACESYSGOOD */
}

static bool is_event_stop(int status)
{
    return status >> 16 == PTRACE_EVENT_STOP;
}

/* A signal that comes first takes its way, and the stop follows. */
static int wait_for_interrupt(struct trace *trace, pid_t thread)
{
    const int64_t end = now() + patience;
    int status = 0;
    int error;

    while ((error = wait_for_stop(trace, thread, &status)) == 0 && !is_event_stop(status) &&
           now() < end)
        ptrace(PTRACE_CONT, thread, 0, status >> 16 ? 0 : (long)WSTOPSIG(status));
    /* there is no end to its signals */
    if (error == 0 && !is_event_stop(status)) {
        ptrace(PTRACE_DETACH, thread, 0, status >> 16 ? 0 : (long)WSTOPSIG(status));
        return EBUSY;
    }
    /* it was stopped by job control before: it would go on, and must not */
    if (error == 0 && WSTOPSIG(status) != SIGTRAP) {
        ptrace(PTRACE_DETACH, thread, 0, 0);
        return EBUSY;
    }
    return error;
}

/* ptrace(2) has no way back for one that does not stop in time: see let_latecomer_go(). */
static int seize(pid_t thread)
{
    if (is_deadly(SYS_ptrace))
        return EPERM;
    if (ptrace(PTRACE_SEIZE, thread, 0, PTRACE_O_TRACESYSGOOD) == -1 ||
        ptrace(PTRACE_INTERRUPT, thread, 0, 0) == -1)
        return errno;
    return 0;
}

bool can_inject(void)
{
    return has_registers();
}

/* While it is traced, a thread keeps its number: before that, both may have become others'. */
static bool is_the_one(pid_t process, pid_t thread)
{
    const struct member *member = find_member(process);

    return member && is_still_there(member) == IS_THERE && process_of(thread) == process;
}

/* It has stopped: is it who it should be, and can it be read? */
static int take_stock(pid_t process, pid_t thread, struct stopped *stopped)
{
    if (!is_the_one(process, thread)) {
        ptrace(PTRACE_DETACH, thread, 0, 0);
        return ESRCH;
    }
    *stopped = (struct stopped){.process = process, .thread = thread};
    if (read_registers(thread, &stopped->registers) &&
        ptrace(PTRACE_GETSIGMASK, thread, sizeof stopped->mask, &stopped->mask) == 0)
        return 0;
    ptrace(PTRACE_DETACH, thread, 0, 0);
    return EPERM;
}

int stop_thread(struct trace *trace, pid_t process, pid_t thread, struct stopped *stopped)
{
    int error = seize(thread);

    if (!error)
        error = wait_for_interrupt(trace, thread);
    return error ? error : take_stock(process, thread, stopped);
}

/* What a call that a stop has interrupted returns, and no program sees: see registers.c. */
enum { RESTART = 512 };

int stop_caller(const struct call *call, struct stopped *stopped)
{
    int error = seize(call->thread);

    if (error)
        return error;
    answer_call(call, RESTART);
    error = wait_for_interrupt(NULL, call->thread);
    return error ? ESRCH : take_stock(call->process, call->thread, stopped);
}

/*
 * All its signals are blocked: but SIGSTOP, and those of an instruction that cannot be executed,
 * which would come again and again. It is nowhere that it could make a call from.
 */
static bool is_fault(int status)
{
    return status >> 16 == 0 && WSTOPSIG(status) != SIGSTOP;
}

/* To its entrance or its exit, whichever is next. */
static int go_to_call_stop(struct trace *trace, pid_t thread)
{
    const int64_t end = now() + patience;
    int status = 0;
    int error;

    do {
        if (ptrace(PTRACE_SYSCALL, thread, 0, 0) == -1)
            return errno;
        error = wait_for_stop(trace, thread, &status);
        if (error || is_call_stop(status))
            return error;
        if (is_fault(status))
            return EFAULT;
    } while (now() < end);
    return ETIMEDOUT;
}

int inject_call(struct trace *trace, struct stopped *stopped, long number, const long arguments[6],
                long *result)
{
    struct registers registers = stopped->registers;
    uint64_t instruction = find_call_instruction(stopped->thread, &registers);
    int error;

    if (instruction == 0)
        return ENOEXEC;
    set_call(&registers, instruction, number, arguments);
    stopped->injected = true;
    if (ptrace(PTRACE_SETSIGMASK, stopped->thread, sizeof all_signals, &all_signals) == -1 ||
        !write_registers(stopped->thread, &registers))
        return errno;
    error = go_to_call_stop(trace, stopped->thread);
    if (!error)
        error = go_to_call_stop(trace, stopped->thread);
    if (error || !result)
        return error;
    if (!read_registers(stopped->thread, &registers))
        return EPERM;
    *result = registers.result;
    return 0;
}

/* Will a handler run as soon as it goes on? Then the call it was in ends with EINTR by right. */
static bool has_signal_to_handle(const struct stopped *stopped)
{
    char name[64];
    const char *text;
    uint64_t own;
    uint64_t shared;
    uint64_t caught;

    snprintf(name, sizeof name, "task/%d/status", stopped->thread);
    text = read_proc_file(stopped->process, name, NULL);
    return text && parse_field(text, "SigPnd:", 16, &own) &&
           parse_field(text, "ShdPnd:", 16, &shared) && parse_field(text, "SigCgt:", 16, &caught) &&
           (own | shared) & caught & ~stopped->mask;
}

void let_go(struct stopped *stopped)
{
    bool interrupted = was_interrupted(&stopped->registers);
    bool handles = interrupted && has_signal_to_handle(stopped);

    /* unless we have made calls, the kernel begins anew whatever it can */
    if (stopped->injected || (was_ended_early(&stopped->registers) && !handles)) {
        if (interrupted)
            begin_call_anew(&stopped->registers, handles);
        write_registers(stopped->thread, &stopped->registers);
    }
    if (stopped->injected)
        ptrace(PTRACE_SETSIGMASK, stopped->thread, sizeof stopped->mask, &stopped->mask);
    ptrace(PTRACE_DETACH, stopped->thread, 0, 0);
}

void let_latecomer_go(pid_t thread)
{
    ptrace(PTRACE_DETACH, thread, 0, 0);
}

void interrupt_thread(struct trace *trace, pid_t process, pid_t thread)
{
    struct stopped stopped;
    int error = stop_thread(trace, process, thread, &stopped);

    if (error == 0)
        let_go(&stopped);
    else if (error != ESRCH)
        log_line(LEVEL_DEBUG, "trace: thread %d of process %d cannot be interrupted: %s", thread,
                 process, strerror(error));
}
