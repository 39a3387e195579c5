/*
 * confined [--no-netlink] COMMAND...: executes it as Docker would in a container without options of
 * its own: with the capabilities that it leaves to root, and without the system calls that its
 * default profile denies then. Of those, the ones that a program may well miss are listed here.
 * --no-netlink denies that family of sockets, too, as systemd's RestrictAddressFamilies= may.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static const int left[] = {
    CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FSETID,  CAP_FOWNER,           CAP_MKNOD,
    CAP_SETGID, CAP_SETUID,       CAP_SETFCAP, CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT,
    CAP_KILL,   CAP_AUDIT_WRITE,  CAP_SETPCAP, CAP_NET_RAW,
};

static const int denied[] = {
    SYS_add_key,         SYS_bpf,
    SYS_fanotify_init,   SYS_fsopen,
    SYS_io_uring_enter,  SYS_io_uring_register,
    SYS_io_uring_setup,  SYS_kcmp,
    SYS_keyctl,          SYS_mbind,
    SYS_mount,           SYS_move_mount,
    SYS_move_pages,      SYS_open_by_handle_at,
    SYS_perf_event_open, SYS_pidfd_getfd,
    SYS_pivot_root,      SYS_process_madvise,
    SYS_quotactl,        SYS_request_key,
    SYS_set_mempolicy,   SYS_setdomainname,
    SYS_sethostname,     SYS_setns,
    SYS_swapon,          SYS_syslog,
    SYS_umount2,         SYS_unshare,
    SYS_userfaultfd,     SYS_vhangup,
};

enum { DENIED = sizeof denied / sizeof *denied };

static const unsigned namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                   CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

static void die(const char *what)
{
    fprintf(stderr, "confined: %s: %s\n", what, strerror(errno));
    exit(125);
}

/* What is not in the bounding set is lost in execve(2). */
static void drop_capabilities(void)
{
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++) {
        int keep = 0;

        for (size_t i = 0; i < sizeof left / sizeof *left; i++)
            keep |= left[i] == capability;
        if (!keep && prctl(PR_CAPBSET_DROP, capability) == -1)
            die("cannot drop a capability");
    }
}

static void deny_calls(int netlink)
{
    struct sock_filter filter[2 * DENIED + 24];
    struct sock_fprog program = {0, filter};
    unsigned short n = 0;

#define ADD(...) filter[n++] = (struct sock_filter)__VA_ARGS__
#define LOAD(field) ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field)))
#define UNLESS(value) ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1))
#define RETURN(action) ADD(BPF_STMT(BPF_RET | BPF_K, action))
    LOAD(nr);
    for (size_t i = 0; i < DENIED; i++) {
        UNLESS((unsigned)denied[i]);
        RETURN(SECCOMP_RET_ERRNO | EPERM);
    }
    /* glibc then falls back to clone(), whose flags can be looked at */
    UNLESS(SYS_clone3);
    RETURN(SECCOMP_RET_ERRNO | ENOSYS);
    if (!netlink) {
        ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 4));
        LOAD(args[0]);
        UNLESS(AF_NETLINK);
        RETURN(SECCOMP_RET_ERRNO | EAFNOSUPPORT);
        RETURN(SECCOMP_RET_ALLOW);
    }
    ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3));
    LOAD(args[0]); /* its lower half, on a little-endian machine */
    ADD(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, namespaces, 0, 1));
    RETURN(SECCOMP_RET_ERRNO | EPERM);
    RETURN(SECCOMP_RET_ALLOW);
    program.len = n;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == -1)
        die("cannot install the filter");
}

int main(int argc, char **argv)
{
    int options = argc > 1 && strcmp(argv[1], "--no-netlink") == 0;

    drop_capabilities();
    deny_calls(!options);
    execvp(argv[1 + options], argv + 1 + options);
    die(argv[1 + options]);
}
