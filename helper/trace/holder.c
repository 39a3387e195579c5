#include "holder.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "helper/base/carry.h"
#include "helper/base/memory.h"
#include "helper/kernel/descriptors.h"
#include "helper/kernel/memory_file.h"
#include "helper/processes/tools.h"

/* More than any kernel writes there: seccomp(2), SECCOMP_GET_NOTIF_SIZES. */
enum { REQUEST_SIZE = 4096 };

/* Nothing is ever written: the holders see its other end close when the last helper is gone. */
static int lifeline[2] = {-1, -1};

struct held {
    int notify;
    struct seccomp_notif *request;
};

struct holder {
    struct tool tool; /* first: it is what its end is told of */
    struct holder *next;
};

static struct holder *holders;

enum { MOST_HOLDERS = 1 << 16 };

int open_shared_request(void)
{
    int file = open_memory_file("tfpreload request");

    if (file != -1 && ftruncate(file, REQUEST_SIZE) == -1) {
        close(file);
        return -1;
    }
    return file;
}

struct seccomp_notif *map_shared_request(int file)
{
    void *memory = mmap(NULL, REQUEST_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

void end_shared_request(struct seccomp_notif *request)
{
    munmap(request, REQUEST_SIZE);
}

static void let_pass(int notify, const struct seccomp_notif *request)
{
    struct seccomp_notif_resp response = {.id = request->id,
                                          .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

    ioctl(notify, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

/* Until nobody has the filter: poll(2) says POLLHUP then. */
static void let_all_pass(const struct held *held)
{
    struct pollfd wait = {held->notify, POLLIN, 0};

    let_pass(held->notify, held->request);
    while (poll(&wait, 1, -1) != -1 || errno == EINTR) {
        if (wait.revents & POLLIN) {
            memset(held->request, 0, REQUEST_SIZE);
            if (ioctl(held->notify, SECCOMP_IOCTL_NOTIF_RECV, held->request) == 0)
                let_pass(held->notify, held->request);
        } else if (wait.revents) {
            return;
        }
    }
}

/* In the child: the helper's mask blocks every signal, so that only SIGKILL ends it early. */
static void hold(void *argument)
{
    const struct held *held = argument;
    struct pollfd waits[] = {{held->notify, 0, 0}, {lifeline[0], POLLIN, 0}};

    prctl(PR_SET_NAME, "tfhelper-holder");
    keep_only(held->notify, lifeline[0]);
    while (poll(waits, 2, -1) != -1 || errno == EINTR) {
        if (waits[0].revents)
            return;
        if (waits[1].revents)
            break;
    }
    let_all_pass(held);
}

static void forget_holder(struct holder *holder)
{
    struct holder **at = &holders;

    while (*at && *at != holder)
        at = &(*at)->next;
    if (*at)
        *at = holder->next;
    free(holder);
}

static void holder_ended(struct tool *tool, int wait_status)
{
    (void)wait_status;
    forget_holder((struct holder *)tool);
}

static struct holder *new_holder(void)
{
    struct holder *holder = allocate(1, sizeof *holder);

    holder->next = holders;
    holders = holder;
    return holder;
}

/* As long as it lives it is known as what it is, or it would be taken for the server's. */
bool start_holder(int notify, struct seccomp_notif *request)
{
    struct held held = {notify, request};
    struct holder *holder = new_holder();

    if ((lifeline[0] != -1 || pipe2(lifeline, O_CLOEXEC) == 0) &&
        fork_tool(&holder->tool, hold, &held, holder_ended))
        return true;
    forget_holder(holder);
    return false;
}

static void forget_holders(void)
{
    while (holders) {
        forget_tool(&holders->tool);
        forget_holder(holders);
    }
}

static size_t count_holders(void)
{
    size_t count = 0;

    for (const struct holder *holder = holders; holder; holder = holder->next)
        count++;
    return count;
}

/* Our end of the lifeline may not close: they would let all calls pass, beside who answers them. */
void carry_holders(struct carrier *carrier)
{
    size_t count;
    struct holder **at = &holders;

    if (is_reading(carrier)) /* of what was read before */
        forget_holders();
    lifeline[0] = carry_descriptor(carrier, "lifeline", lifeline[0], MAY_BE_NONE);
    lifeline[1] = carry_descriptor(carrier, "lifeline-end", lifeline[1], MAY_BE_NONE);
    count = carry_count(carrier, "holders", count_holders(), MOST_HOLDERS);
    for (size_t i = 0; i < count && !has_fault(carrier); i++, at = &(*at)->next) {
        pid_t pid = is_reading(carrier) ? 0 : (*at)->tool.pid;

        pid = (pid_t)carry_number(carrier, "holder", pid, 1, INT32_MAX);
        if (!is_reading(carrier))
            continue;
        *at = allocate(1, sizeof **at);
        expect_tool(&(*at)->tool, pid, holder_ended);
    }
}
