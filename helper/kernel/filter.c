/*
 * Nothing of the data's way is in it: a call that is not named here costs some tens of nanoseconds.
 * The filter is inherited by whatever the program forks and executes, and can never be taken off.
 */
#include "filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deadly_calls.h"
#include "preload/wire/packet.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5) /* Linux 5.19 */
#endif

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define OWN_ARCHITECTURE 0 /* of nobody: see install_filter() */
#endif

/* Newer architectures have unlinkat(2) alone. */
#ifdef SYS_unlink
#define OLD_UNLINK SYS_unlink
#else
#define OLD_UNLINK SYS_unlinkat
#endif

/*
 * A program may make calls of another architecture, of which the same number means something else
 * (int $0x80 on x86-64; x32 has a bit of its own in the number, and so matches nothing).
 */
static struct sock_filter instructions[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 0, 5),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bind, 4, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_listen, 3, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unlinkat, 2, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OLD_UNLINK, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
};

static int set_filter(unsigned long flags)
{
    struct sock_fprog program = {sizeof instructions / sizeof *instructions, instructions};

    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

/*
 * SPEC_ALLOW: no mitigation that the program would not have had without us. WAIT_KILLABLE_RECV: a
 * signal does not repeat a call that we are about to answer (the Go runtime sends itself many).
 */
static int set_best_filter(void)
{
    const unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    int fd = set_filter(flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);

    return fd == -1 && errno == EINVAL ? set_filter(flags) : fd;
}

/* seccomp(2): without CAP_SYS_ADMIN, only who can gain no privileges any more may have a filter. */
static int make_filter(void)
{
    int fd;

    if (OWN_ARCHITECTURE == 0) {
        errno = ENOSYS;
        return -1;
    }
    fd = set_best_filter();
    if (fd == -1 && errno == EACCES && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        fd = set_best_filter();
    return fd;
}

void install_filter(int channel)
{
    int fd = make_filter();
    int error = fd == -1 ? errno : 0;
    struct outgoing packet = {
        .data = &error, .size = sizeof error, .descriptors = &fd, .count = fd != -1};

    send_packet(channel, &packet, 0);
    close(channel);
    if (fd != -1)
        close(fd);
}

int receive_filter(int channel)
{
    int error = 0;
    int fd = -1;
    struct incoming packet = {.data = &error, .room = sizeof error, .descriptors = &fd, .most = 1};
    ssize_t size;

    do
        size = receive_packet(channel, &packet, 0);
    while (size == -1 && errno == EINTR);
    if (size == (ssize_t)sizeof error && packet.count == 1)
        return fd;
    if (size > 0)
        close_received(&packet);
    errno = error ? error : EPIPE;
    return -1;
}

bool may_set_filters(void)
{
    return !is_deadly(SYS_seccomp);
}

int try_filter(void)
{
    int channel[2];
    int error = 0;
    pid_t pid;
    int fd;

    if (!may_set_filters())
        return EPERM;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) == -1)
        return errno;
    pid = fork();
    if (pid == 0) {
        install_filter(channel[1]);
        _exit(0);
    }
    close(channel[1]);
    fd = receive_filter(channel[0]);
    if (fd == -1)
        error = errno;
    else
        close(fd);
    close(channel[0]);
    if (pid != -1)
        waitpid(pid, NULL, 0);
    return error;
}

const char *filter_error_text(int error)
{
    switch (error) {
    case EPERM:
        return "seccomp(2) is denied here, by a unit's SystemCallFilter= or a container's profile";
    case EBUSY:
        return "somebody else listens to its system calls already (seccomp)";
    case ENOSYS:
        return "this kernel, or this architecture, has no seccomp notifications";
    case EINVAL:
        return "this kernel has no seccomp notifications (Linux 5.9 is needed)";
    default:
        return strerror(error);
    }
}
