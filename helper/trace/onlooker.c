#include "onlooker.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/kernel/descriptors.h"
#include "helper/kernel/procfile.h"
#include "helper/kernel/take_descriptor.h"
#include "helper/processes/tools.h"
#include "preload/wire/packet.h"

/*
 * How long it may take: on a busy machine, a while. Each time that it takes longer, half of that,
 * so that who does it again and again gets little of the helper; and after a quiet time all of it.
 */
static const int64_t most_patience = SECOND;
static const int64_t least_patience = 20 * MILLISECOND;
static const int64_t quiet_time = 30 * SECOND;

struct request {
    pid_t process;
    int number; /* of a descriptor; -1: memory is asked for */
    uint64_t address;
    size_t size;
};

static struct tool onlooker;
static int to_onlooker = -1;
static unsigned char *window; /* what it has read: memory that both share */
static int64_t patience;
static int64_t held_up_at;

bool read_memory_of(pid_t process, uint64_t address, void *memory, size_t size)
{
    struct iovec here = {memory, size};
    struct iovec there = {(void *)(uintptr_t)address, size};

    return process_vm_readv(process, &here, 1, &there, 1, 0) == (ssize_t)size;
}

/* ---- the other process ---- */

/* Files of other kinds may have a close(2) of their own, which lasts. */
static bool closes_at_once(int fd)
{
    char target[LINK_SIZE];
    int type;
    socklen_t length = sizeof type;

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0)
        return true;
    return read_fd_link(getpid(), fd, target) == IS_THERE &&
           (strcmp(target, "anon_inode:[eventpoll]") == 0 ||
            strcmp(target, "anon_inode:[io_uring]") == 0);
}

/* Answered first, and closed then. */
static void send_answer(int to, int error, int fd)
{
    struct outgoing packet = {
        .data = &error, .size = sizeof error, .descriptors = &fd, .count = error == 0 && fd != -1};

    send_packet(to, &packet, 0);
    if (fd != -1)
        close(fd);
}

static void obey(int from, const struct request *request)
{
    int fd = -1;
    bool done;

    if (request->number == -1) {
        done = request->size <= MOST_READ &&
               read_memory_of(request->process, request->address, window, request->size);
        send_answer(from, done ? 0 : EFAULT, -1);
        return;
    }
    fd = take_descriptor(request->process, request->number);
    if (fd == -1)
        send_answer(from, errno, -1);
    else
        send_answer(from, closes_at_once(fd) ? 0 : EBADF, fd);
}

/* The helper's mask blocks every signal: it ends with the helper's end of the connection. */
static void look_on(void *argument)
{
    const int from = *(int *)argument;
    struct request request;
    struct incoming packet = {.data = &request, .room = sizeof request};

    prctl(PR_SET_NAME, "tfhelper-looks");
    keep_only(from, from); /* the others would keep clients, terminals and listeners open */
    while (receive_packet(from, &packet, 0) == (ssize_t)sizeof request)
        obey(from, &request);
}

/* ---- the helper ---- */

static void forget_onlooker(void)
{
    if (to_onlooker != -1)
        close(to_onlooker);
    to_onlooker = -1;
}

static void onlooker_ended(struct tool *tool, int wait_status)
{
    (void)tool;
    (void)wait_status;
    forget_onlooker();
}

static bool start_onlooker(void)
{
    int pair[2];
    bool started;

    if (to_onlooker != -1)
        return true;
    if (!window) {
        void *memory =
            mmap(NULL, MOST_READ, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        if (memory == MAP_FAILED)
            return false;
        window = memory;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
        return false;
    started = fork_tool(&onlooker, look_on, &pair[1], onlooker_ended);
    close(pair[1]);
    if (started)
        to_onlooker = pair[0];
    else
        close(pair[0]);
    return started;
}

void end_onlooker(void)
{
    kill_tool(&onlooker);
    forget_onlooker();
}

/* SIGKILL ends a wait for a page; one for the end of close(2) only who has the file ends. */
static void held_up(pid_t process)
{
    held_up_at = now();
    log_line(LEVEL_DEBUG, "trace: process %d holds up who looks into it: given up after %s",
             process, duration_text(patience));
    patience = patience / 2 > least_patience ? patience / 2 : least_patience;
    end_onlooker();
}

/* Interrupted by a signal, it waits on: see impatience.h. */
static bool is_answered(int64_t end)
{
    struct pollfd answer = {to_onlooker, POLLIN, 0};
    int ready;

    do {
        int64_t left = end - now();

        ready = poll(&answer, 1, left > 0 ? (int)(left / MILLISECOND) + 1 : 0);
    } while (ready == -1 && errno == EINTR);
    return ready == 1;
}

/* Returns a descriptor, if one came; or -1 with errno set, which is 0 where that was all right. */
static int have_done(const struct request *request)
{
    struct outgoing question = {.data = request, .size = sizeof *request};
    int error = EFAULT;
    int fd = -1;
    struct incoming answer = {.data = &error, .room = sizeof error, .descriptors = &fd, .most = 1};

    if (patience == 0 || now() - held_up_at > quiet_time)
        patience = most_patience;
    if (!start_onlooker() || send_packet(to_onlooker, &question, 0) == -1)
        return -1;
    if (!is_answered(now() + patience)) {
        held_up(request->process);
        errno = ETIMEDOUT;
        return -1;
    }
    if (receive_packet(to_onlooker, &answer, 0) != (ssize_t)sizeof error)
        return -1;
    errno = error;
    return answer.count == 1 ? fd : -1;
}

bool have_memory_read(pid_t process, uint64_t address, void *memory, size_t size)
{
    const struct request request = {process, -1, address, size};

    if (size > MOST_READ) {
        errno = EINVAL;
        return false;
    }
    errno = 0;
    if (have_done(&request) != -1 || errno != 0)
        return false;
    memcpy(memory, window, size);
    return true;
}

int have_descriptor_borrowed(pid_t process, int number)
{
    const struct request request = {process, number, 0, 0};

    if (number < 0) {
        errno = EBADF;
        return -1;
    }
    return have_done(&request);
}
