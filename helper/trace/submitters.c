#include "submitters.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "borrow.h"
#include "by_call.h"
#include "helper/kernel/procfile.h"
#include "injection.h"
#include "passage.h"
#include "threads.h"

/* As the kernel's <linux/io_uring.h> has them, which is not there everywhere. */
#ifndef SYS_io_uring_register
#define SYS_io_uring_register 427 /* Linux 5.1 */
#endif

enum {
    REGISTER_FILES_UPDATE = 6,
    REGISTER_SYNC_CANCEL = 24,
    CANCEL_ALL = 1,
    CANCEL_BY_FILE = 2,
};

/* One of both, and a number that it may point at; as much for each on every architecture. */
struct ring_order {
    unsigned opcode;
    union {
        struct {
            uint32_t slot;
            uint32_t reserved;
            uint64_t numbers; /* where */
        } update;
        struct {
            uint64_t address;
            int32_t fd;
            uint32_t flags;
            int64_t seconds; /* nobody has to wait for the end of one that runs */
            int64_t nanoseconds;
            uint64_t reserved[4];
        } cancel;
    } argument;
    int32_t number;
};

/* For a descriptor `fd` of whoever gives it, with the number at this address. */
static struct ring_order file_order(unsigned slot, int fd, uint64_t number_at)
{
    struct ring_order order = {.opcode = REGISTER_FILES_UPDATE, .number = fd};

    order.argument.update.slot = slot;
    order.argument.update.numbers = number_at;
    return order;
}

static struct ring_order cancel_order(int fd)
{
    struct ring_order order = {.opcode = REGISTER_SYNC_CANCEL};

    order.argument.cancel.fd = fd;
    order.argument.cancel.flags = CANCEL_ALL | CANCEL_BY_FILE;
    order.argument.cancel.nanoseconds = 10000000;
    return order;
}

/* ---- by ourselves ---- */

static long give(int ring, struct ring_order *order)
{
    long result = syscall(SYS_io_uring_register, ring, order->opcode, &order->argument, 1);

    return result == -1 ? -errno : result;
}

/* ---- by one of its threads ---- */

/* What is to be done by each thread, until one of them is the one that may. */
struct job {
    int ring;
    unsigned slot;
    int number; /* for the slot; -1: cancel */
    int fd;     /* what waits at this */
};

/* The order and its number stand at the beginning of the page. */
static long have_given(struct workspace *workspace, int ring, const struct ring_order *order)
{
    const long arguments[6] = {ring, order->opcode,
                               (long)(workspace->page + offsetof(struct ring_order, argument)), 1};
    int error = write_there(workspace, order, sizeof *order);

    return error ? -error : call_there(workspace, SYS_io_uring_register, arguments);
}

static long do_job(struct passage *passage, const struct job *job)
{
    struct workspace *workspace = &passage->workspace;
    struct ring_order order;
    int lent;

    if (job->number != -1) {
        order = file_order(job->slot, job->number,
                           workspace->page + offsetof(struct ring_order, number));
    } else {
        lent = lend_through(passage, job->fd);
        if (lent == -1)
            return -errno;
        order = cancel_order(lent);
    }
    return have_given(workspace, job->ring, &order);
}

static long do_by_thread(pid_t process, pid_t thread, const struct job *job)
{
    struct passage passage;
    struct stopped stopped;
    int error = stop_thread(NULL, process, thread, &stopped);
    long result;

    if (error)
        return -error;
    error = open_passage(&passage, NULL, &stopped);
    result = error ? -error : do_job(&passage, job);
    if (!error)
        close_passage(&passage);
    let_go(&stopped);
    return result;
}

/* Those in io_uring_enter(2) come first, and are the ones in most cases. */
static long do_by_threads(pid_t process, const struct job *job)
{
    pid_t *threads;
    size_t count = 0;
    long result = -EEXIST;

    if (!may_be_made_to_call(process))
        return -EPERM;
    list_threads(process, &threads, &count);
    for (int first = 1; first >= 0; first--)
        for (size_t i = 0; i < count && result == -EEXIST; i++)
            if (is_in_ring(process, threads[i]) == first && stops_at_once(process, threads[i]))
                result = do_by_thread(process, threads[i], job);
    free(threads);
    return result;
}

/* ---- either ---- */

long have_file_replaced(pid_t process, int ring, unsigned slot, int number, int fd)
{
    const struct job job = {ring, slot, number, -1};
    struct ring_order order = file_order(slot, fd, 0);
    int copy = borrow_descriptor(process, ring);
    long result = -EEXIST;

    order.argument.update.numbers = (uintptr_t)&order.number;
    if (copy != -1) {
        result = give(copy, &order);
        close(copy);
    }
    return result == -EEXIST ? do_by_threads(process, &job) : result;
}

long have_requests_cancelled(pid_t process, int ring, int fd)
{
    const struct job job = {ring, 0, -1, fd};
    struct ring_order order = cancel_order(fd);
    int copy = borrow_descriptor(process, ring);
    long result = -EEXIST;

    if (copy != -1) {
        result = give(copy, &order);
        close(copy);
    }
    return result == -EEXIST ? do_by_threads(process, &job) : result;
}
