#include "trace.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "helper/base/log.h"
#include "helper/base/memory.h"
#include "helper/generation/generation.h"
#include "helper/kernel/procfile.h"
#include "helper/processes/open_sockets.h"
#include "holder.h"

enum { FEW_BOUND = 64 };

static uint32_t last_order;

void (*answer_traced_call)(struct generation *generation, const struct call *call);

/* Whoever has no end of calls is answered, and the helper has others to listen to in between. */
enum { CALLS_PER_TURN = 16 };

void serve_calls(struct trace *trace)
{
    struct call call;

    for (int i = 0; i < CALLS_PER_TURN && receive_call(trace->watch.fd, trace->request, &call); i++)
        if (!trace->expected || !trace->expected(&call, trace->argument))
            answer_traced_call(trace->generation, &call);
}

/* POLLHUP is for good: nobody has the filter any more. */
static void serve(struct watch *watch)
{
    struct trace *trace = (struct trace *)watch;
    struct pollfd state = {watch->fd, POLLIN, 0};

    serve_calls(trace);
    if (poll(&state, 1, 0) != 1 || state.revents & POLLIN)
        return;
    unwatch_descriptor(watch);
    close(watch->fd);
    watch->fd = -1;
}

/* Ours, and those that were installed for it. */
static unsigned expected_filters(unsigned installed)
{
    struct proc_status own;

    return read_status(getpid(), &own) == IS_THERE ? own.filters + installed : UINT_MAX;
}

void watch_trace(struct trace *trace)
{
    if (trace->watch.fd != -1)
        watch_descriptor(&trace->watch, trace->watch.fd, serve);
}

static struct trace *new_trace(struct generation *generation, int notify)
{
    int page = open_shared_request();
    struct seccomp_notif *request = page == -1 ? NULL : map_shared_request(page);
    struct trace *trace;

    if (!request) {
        int error = errno;

        if (page != -1)
            close(page);
        errno = error;
        return NULL;
    }
    trace = allocate(1, sizeof *trace);
    trace->generation = generation;
    trace->watch.fd = notify;
    trace->page = page;
    trace->request = request;
    trace->filters = expected_filters(1);
    trace->bound_limit = FEW_BOUND;
    return trace;
}

bool begin_trace(struct generation *generation, int notify)
{
    bool able = can_put_descriptors(notify);
    struct trace *trace = able ? new_trace(generation, notify) : NULL;

    if (!trace) {
        int error = able ? errno : EINVAL;

        close(notify);
        errno = error;
        return false;
    }
    if (!start_holder(notify, trace->request))
        log_line(LEVEL_ERROR,
                 "generation %u: cannot fork who lets its calls pass should the helper be killed",
                 generation->number);
    watch_trace(trace);
    generation->trace = trace;
    return true;
}

void begin_trace_of_stranger(struct generation *generation)
{
    struct trace *trace = allocate(1, sizeof *trace);

    trace->watch.fd = trace->page = -1;
    trace->generation = generation;
    trace->stranger = true;
    trace->filters = expected_filters(0);
    trace->bound_limit = FEW_BOUND;
    generation->trace = trace;
}

void end_trace(struct generation *generation)
{
    struct trace *trace = generation->trace;

    if (!trace)
        return;
    generation->trace = NULL;
    if (trace->watch.fd != -1) {
        unwatch_descriptor(&trace->watch);
        close(trace->watch.fd);
    }
    if (!trace->stranger) {
        end_shared_request(trace->request);
        close(trace->page);
    }
    free(trace->bound);
    free(trace->deafened.item);
    free(trace->deafened.lost);
    free(trace);
}

struct bound *find_bound(const struct trace *trace, uint64_t inode)
{
    for (size_t i = 0; i < trace->bound_count; i++)
        if (trace->bound[i].inode == inode)
            return &trace->bound[i];
    return NULL;
}

static bool is_open(const struct open_socket *sockets, size_t count, uint64_t inode)
{
    for (size_t i = 0; i < count; i++)
        if (sockets[i].inode == inode)
            return true;
    return false;
}

/* Programs bind to try an address, or a port for each transfer: what is closed is of no use. */
static void forget_closed(struct trace *trace)
{
    struct open_socket *sockets = NULL;
    size_t count = 0;
    size_t kept = 0;
    bool all_seen = list_sockets_of(trace->generation->number, &sockets, &count) == IS_THERE;

    for (size_t i = 0; i < trace->bound_count; i++)
        if (!all_seen || is_open(sockets, count, trace->bound[i].inode))
            trace->bound[kept++] = trace->bound[i];
    trace->bound_count = kept;
    trace->bound_limit = 2 * kept + FEW_BOUND;
    free(sockets);
}

void count_orders_from(uint32_t order)
{
    if (order > last_order)
        last_order = order;
}

struct bound *note_bound(struct trace *trace, uint64_t inode, const struct listener_key *key)
{
    struct bound *bound = find_bound(trace, inode);

    if (!bound && trace->bound_count >= trace->bound_limit)
        forget_closed(trace);
    if (!bound) {
        trace->bound = grow(trace->bound, trace->bound_count + 1, sizeof *trace->bound);
        bound = &trace->bound[trace->bound_count++];
    }
    *bound = (struct bound){.inode = inode, .key = *key, .order = ++last_order};
    return bound;
}
