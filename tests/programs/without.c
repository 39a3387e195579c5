/*
 * without FEATURE... -- COMMAND...: executes it, and hides from it and all that it starts what an
 * older kernel does not have: the calls and options fail as they do there. "linux-4.9" hides all
 * that is newer. The features are named at the top of this file. "denied:FEATURE" has it fail with
 * EPERM, as sandboxes do that know their calls by name and allow no other.
 *
 * `children` is the file /proc/PID/task/TID/children, which a kernel may be built without: opening
 * it is asked of a process beside COMMAND, seccomp_unotify(2), which says that there is none.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANY = -1, LEVEL = 1, OPTION = 2, ADVICE = 2, COMPARED = 2, FLAGS = 1 };

/* Newer headers than ours may be needed for their names. */
enum {
    CALL_PIDFD_SEND_SIGNAL = 424,
    CALL_PIDFD_OPEN = 434,
    CALL_CLONE3 = 435,
    CALL_CLOSE_RANGE = 436,
    CALL_PIDFD_GETFD = 438,
    CALL_EPOLL_PWAIT2 = 441,
};

static const struct feature {
    const char *name;
    int version; /* of Linux that has it first, as 409 for 4.9; 0: may be missing in any */
    long call;
    int argument; /* ANY: whatever it is called with */
    unsigned value;
    int level; /* of socket options */
    unsigned error;
} features[] = {
    {"statx", 411, SYS_statx, ANY, 0, 0, ENOSYS},
    {"meminfo", 412, SYS_getsockopt, OPTION, 55, SOL_SOCKET, ENOPROTOOPT},
    {"kcmp_epoll", 413, SYS_kcmp, COMPARED, 7, 0, EINVAL},
    {"wipeonfork", 414, SYS_madvise, ADVICE, 18, 0, EINVAL},
    {"bindtoifindex", 500, SYS_setsockopt, OPTION, 62, SOL_SOCKET, ENOPROTOOPT},
    {"bindtoifindex", 500, SYS_getsockopt, OPTION, 62, SOL_SOCKET, ENOPROTOOPT},
    {"seccomp_notify", 500, SYS_seccomp, FLAGS, 8, 0, EINVAL}, /* with other flags, or none */
    {"seccomp_notify", 500, SYS_seccomp, FLAGS, 8 | 4, 0, EINVAL},
    {"seccomp_notify", 519, SYS_seccomp, FLAGS, 8 | 32, 0, EINVAL},
    {"seccomp_notify", 519, SYS_seccomp, FLAGS, 8 | 4 | 32, 0, EINVAL},
    {"pidfd_send_signal", 501, CALL_PIDFD_SEND_SIGNAL, ANY, 0, 0, ENOSYS},
    {"pidfd_open", 503, CALL_PIDFD_OPEN, ANY, 0, 0, ENOSYS},
    {"clone3", 503, CALL_CLONE3, ANY, 0, 0, ENOSYS},
    {"detach_reuseport", 503, SYS_setsockopt, OPTION, 68, SOL_SOCKET, ENOPROTOOPT},
    {"pidfd_getfd", 506, CALL_PIDFD_GETFD, ANY, 0, 0, ENOSYS},
    {"mptcp", 506, SYS_socket, 2, IPPROTO_MPTCP, 0, EPROTONOSUPPORT},
    {"close_range", 509, CALL_CLOSE_RANGE, ANY, 0, 0, ENOSYS},
    {"epoll_pwait2", 511, CALL_EPOLL_PWAIT2, ANY, 0, 0, ENOSYS},
    {"buf_lock", 514, SYS_setsockopt, OPTION, 72, SOL_SOCKET, ENOPROTOOPT},
    {"buf_lock", 514, SYS_getsockopt, OPTION, 72, SOL_SOCKET, ENOPROTOOPT},
    {"peerpidfd", 605, SYS_getsockopt, OPTION, 77, SOL_SOCKET, ENOPROTOOPT},
    {"memfd_create", 0, SYS_memfd_create, ANY, 0, 0, ENOSYS},
    {"getrandom", 0, SYS_getrandom, ANY, 0, 0, ENOSYS},
    {"kcmp", 0, SYS_kcmp, ANY, 0, 0, ENOSYS},
    {"process_vm", 0, SYS_process_vm_readv, ANY, 0, 0, ENOSYS},
    {"process_vm", 0, SYS_process_vm_writev, ANY, 0, 0, ENOSYS},
    {"ptrace", 0, SYS_ptrace, ANY, 0, 0, ENOSYS},
    {"execveat", 0, SYS_execveat, ANY, 0, 0, ENOSYS},
};

static const char children_file[] = "/children";

enum { FEATURES = sizeof features / sizeof *features, MOST_CODE = 8 * FEATURES + 8 };

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "without: %s: %s\n", what, strerror(errno));
    exit(125);
}

static void add(struct sock_fprog *program, struct sock_filter instruction)
{
    program->filter[program->len++] = instruction;
}

static void load(struct sock_fprog *program, size_t offset)
{
    add(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

/* Go on with the next instruction if that was loaded, else `further` ones beyond it. */
static void unless(struct sock_fprog *program, unsigned value, uint8_t further)
{
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, further));
}

static size_t argument_offset(int argument)
{
    size_t offset = offsetof(struct seccomp_data, args) + (size_t)argument * sizeof(uint64_t);

    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? offset : offset + sizeof(uint32_t);
}

static void hide(struct sock_fprog *program, const struct feature *feature, unsigned error)
{
    uint8_t rest = (uint8_t)(1 + (feature->argument != ANY ? 2 : 0) + (feature->level ? 2 : 0));

    load(program, offsetof(struct seccomp_data, nr));
    unless(program, (unsigned)feature->call, rest);
    if (feature->level) {
        load(program, argument_offset(LEVEL));
        unless(program, (unsigned)feature->level, (uint8_t)(rest -= 2));
    }
    if (feature->argument != ANY) {
        load(program, argument_offset(feature->argument));
        unless(program, feature->value, (uint8_t)(rest - 2));
    }
    add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error));
}

/* 0: what may be missing in any kernel is no matter of its version. */
static int version_of(const char *name)
{
    int major;
    int minor;

    return sscanf(name, "linux-%d.%d", &major, &minor) == 2 ? 100 * major + minor : 0;
}

/* False if there is no such feature. */
static int hide_named(struct sock_fprog *program, const char *name)
{
    int denied = strncmp(name, "denied:", 7) == 0;
    int found = 0;

    name += denied ? 7 : 0;
    for (size_t i = 0; i < FEATURES; i++)
        if (strcmp(features[i].name, name) == 0 ||
            (version_of(name) > 0 && features[i].version > version_of(name))) {
            hide(program, &features[i], denied ? EPERM : features[i].error);
            found = 1;
        }
    return found;
}

/* ---- the file ---- */

/* Does the call name it? Its path is in the caller's memory. */
static int opens_children(const struct seccomp_notif *call)
{
    char path[64];
    char text[256] = "";
    size_t length;
    int memory;

    snprintf(path, sizeof path, "/proc/%u/mem", call->pid);
    memory = open(path, O_RDONLY | O_CLOEXEC);
    if (memory == -1 || pread(memory, text, sizeof text - 1, (off_t)call->data.args[1]) < 1)
        text[0] = '\0';
    if (memory != -1)
        close(memory);
    length = strlen(text);
    return length >= sizeof children_file - 1 &&
           strcmp(text + length - (sizeof children_file - 1), children_file) == 0;
}

/* Until nobody is left who could ask. */
static _Noreturn void answer(int listener)
{
    struct pollfd calls = {.fd = listener, .events = POLLIN};
    struct seccomp_notif call;

    while (listener != -1) {
        struct seccomp_notif_resp response = {.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

        if (poll(&calls, 1, -1) == -1 || calls.revents & (POLLHUP | POLLERR))
            exit(0);
        memset(&call, 0, sizeof call);
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) == -1)
            continue;
        response.id = call.id;
        if (opens_children(&call))
            response = (struct seccomp_notif_resp){.id = call.id, .error = -ENOENT};
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
    }
    exit(125);
}

/* One descriptor over a unix socket: sent, or received where `fd` is -1. Returns it, or -1. */
static int pass(int over, int fd)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    char byte = 0;
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};

    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    if (fd != -1)
        return sendmsg(over, &message, 0) == 1 ? fd : -1;
    if (recvmsg(over, &message, MSG_CMSG_CLOEXEC) != 1 || message.msg_controllen == 0)
        return -1;
    memcpy(&fd, CMSG_DATA(&control.header), sizeof fd);
    return fd;
}

/*
 * Beside COMMAND, without its filter. No child of COMMAND's, and no environment, or it would be
 * taken for one of the server's. Returns where the listener is to be sent.
 */
static int start_answering(void)
{
    char number[16];
    int pair[2];
    pid_t child;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1 || (child = fork()) == -1)
        die("cannot start a process");
    if (child > 0) {
        waitpid(child, NULL, 0);
        close(pair[1]);
        return pair[0];
    }
    if (fork() != 0)
        _exit(0);
    setsid();
    snprintf(number, sizeof number, "%d", pair[1]);
    fcntl(pair[1], F_SETFD, 0);
    execle("/proc/self/exe", "without", "--answer", number, NULL, (char *[]){NULL});
    _exit(125);
}

/* ---- */

static int install(const struct sock_fprog *program, unsigned flags)
{
    if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
        die("no_new_privs");
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);
}

int main(int argc, char **argv)
{
    struct sock_filter code[MOST_CODE];
    struct sock_fprog program = {0, code};
    int children = 0;
    int answering = -1;
    int listener;
    int i;

    if (argc == 3 && strcmp(argv[1], "--answer") == 0)
        answer(pass(atoi(argv[2]), -1));
    for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        children |= strcmp(argv[i], "children") == 0;
        errno = EINVAL;
        if (!hide_named(&program, argv[i]) && strcmp(argv[i], "children") != 0)
            die(argv[i]);
    }
    if (i + 1 >= argc)
        die("FEATURE... -- COMMAND...");
    if (children) {
        answering = start_answering();
        load(&program, offsetof(struct seccomp_data, nr));
        unless(&program, SYS_openat, 1);
        add(&program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
    }
    add(&program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    listener = install(&program, children ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0);
    if (listener == -1 || (children && pass(answering, listener) == -1))
        die("cannot install the filter");
    execvp(argv[i + 1], argv + i + 1);
    die(argv[i + 1]);
}
