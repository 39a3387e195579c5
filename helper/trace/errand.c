#include "errand.h"

#include <errno.h>
#include <sys/syscall.h>

#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/kernel/procfile.h"
#include "injection.h"
#include "passage.h"
#include "threads.h"
#include "trace.h"

/* The backlog of a listen(-1) that is ours, and nobody's by accident. */
enum { OWN_BACKLOG = 0x74667073 };

/* How often another thread is tried, when the one that was picked has ended or gone on. */
enum { MOST_TRIES = 5 };

struct errand {
    pid_t thread;
    struct swap *swaps;
    size_t count;
};

static bool run_errand(const struct call *call, void *argument)
{
    const struct errand *errand = argument;

    if (call->thread != errand->thread || call->number != SYS_listen ||
        (int)call->argument[1] != OWN_BACKLOG)
        return false;
    for (size_t i = 0; i < errand->count; i++) {
        struct swap *swap = &errand->swaps[i];

        swap->done = put_descriptor(call, swap->to, swap->number, swap->close_on_exec);
    }
    answer_call(call, 0);
    return true;
}

/* seccomp(2): our call would pass through filters that the program has added, and may kill it. */
static bool has_filters_of_its_own(const struct trace *trace, pid_t process)
{
    struct proc_status status;

    return read_status(process, &status) == IS_THERE && status.filters > trace->filters;
}

/* With our filter in the program, the call of its own that we are told of. */
static int have_it_call(struct trace *trace, struct stopped *stopped, struct errand *errand)
{
    static const long arguments[6] = {-1, OWN_BACKLOG};
    int error;

    trace->expected = run_errand;
    trace->argument = errand;
    error = inject_call(trace, stopped, SYS_listen, arguments, NULL);
    trace->expected = NULL;
    return error;
}

/* Without: it receives them, and puts them in their places. What is done counts. */
static int have_it_receive(struct trace *trace, struct stopped *stopped, struct errand *errand)
{
    struct passage passage;
    int error = open_passage(&passage, trace, stopped);
    bool any = false;

    if (error)
        return error;
    for (size_t i = 0; i < errand->count; i++) {
        struct swap *swap = &errand->swaps[i];
        int failed = put_through(&passage, swap->to, swap->number, swap->close_on_exec);

        swap->done = failed == 0;
        any |= swap->done;
        if (failed)
            error = failed;
    }
    close_passage(&passage);
    return any ? 0 : error;
}

static int send_thread(struct trace *trace, pid_t process, pid_t thread, struct errand *errand)
{
    int64_t begun = now();
    struct stopped stopped;
    int error = stop_thread(trace, process, thread, &stopped);

    if (error)
        return error;
    errand->thread = thread;
    error = trace->stranger ? have_it_receive(trace, &stopped, errand)
                            : have_it_call(trace, &stopped, errand);
    let_go(&stopped);
    log_line(LEVEL_DEBUG, "trace: thread %d of process %d was stopped for %s", thread, process,
             duration_text(now() - begun));
    return error;
}

int send_on_errand(struct trace *trace, pid_t process, struct swap *swaps, size_t count)
{
    struct errand errand = {0, swaps, count};
    int error = ESRCH;

    if (!can_inject())
        return ENOSYS;
    if (has_filters_of_its_own(trace, process))
        return EACCES;
    for (int i = 0; i < MOST_TRIES && error == ESRCH; i++) {
        pid_t thread = pick_thread_to_stop(process);

        if (thread == 0)
            return ESRCH;
        error = send_thread(trace, process, thread, &errand);
    }
    return error;
}
