#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#include "helper/base/log.h"
#include "helper/kernel/procfile.h"

#ifndef SECCOMP_IOCTL_NOTIF_ADDFD
#define SECCOMP_IOCTL_NOTIF_ADDFD SECCOMP_IOW(3, struct seccomp_notif_addfd) /* Linux 5.9 */
#define SECCOMP_ADDFD_FLAG_SETFD (1UL << 0)
struct seccomp_notif_addfd {
    __u64 id;
    __u32 flags;
    __u32 srcfd;
    __u32 newfd;
    __u32 newfd_flags;
};
#endif

/* A signal may have taken the thread out of its call: then there is none, ENOENT. */
bool receive_call(int notify, struct seccomp_notif *request, struct call *call)
{
    struct pollfd wait = {notify, POLLIN, 0};

    if (notify == -1 || poll(&wait, 1, 0) != 1 || !(wait.revents & POLLIN))
        return false;
    memset(request, 0, sizeof *request);
    if (ioctl(notify, SECCOMP_IOCTL_NOTIF_RECV, request) == -1)
        return false;
    *call = (struct call){.notify = notify,
                          .request = request,
                          .id = request->id,
                          .thread = (pid_t)request->pid,
                          .process = process_of((pid_t)request->pid),
                          .number = request->data.nr};
    memcpy(call->argument, request->data.args, sizeof call->argument);
    return true;
}

bool is_pending(const struct call *call)
{
    uint64_t id = call->id;

    return ioctl(call->notify, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

static void respond(const struct call *call, struct seccomp_notif_resp response)
{
    response.id = call->id;
    if (ioctl(call->notify, SECCOMP_IOCTL_NOTIF_SEND, &response) == -1 && errno != ENOENT)
        log_line(LEVEL_DEBUG, "trace: a call of thread %d cannot be answered: %s", call->thread,
                 strerror(errno));
    call->request->id = 0;
}

void let_pass(const struct call *call)
{
    respond(call, (struct seccomp_notif_resp){.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE});
}

void answer_call(const struct call *call, int error)
{
    respond(call, (struct seccomp_notif_resp){.error = -error});
}

static int add_descriptor(int notify, uint64_t id, int fd, int number, bool close_on_exec)
{
    struct seccomp_notif_addfd add = {.id = id,
                                      .flags = SECCOMP_ADDFD_FLAG_SETFD,
                                      .srcfd = (uint32_t)fd,
                                      .newfd = (uint32_t)number,
                                      .newfd_flags = close_on_exec ? O_CLOEXEC : 0};

    return ioctl(notify, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
}

bool put_descriptor(const struct call *call, int fd, int number, bool close_on_exec)
{
    if (add_descriptor(call->notify, call->id, fd, number, close_on_exec) != -1)
        return true;
    log_line(LEVEL_DEBUG, "trace: cannot put a descriptor into process %d: %s", call->process,
             strerror(errno));
    return false;
}

/* No call has this number, which is not what an old kernel objects to. */
bool can_put_descriptors(int notify)
{
    return add_descriptor(notify, 0, notify, 0, false) != -1 || errno == ENOENT;
}
