/*
 * A program that may make five system calls and no more, seccomp(2), as sshd's process before the
 * login: it waits a minute at most for its input, says "alive", and ends with status 0.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Skip `further` instructions less one when it is this call. */
#define IF_CALL(number, further) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, further, 0)

static int lock_up(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#ifdef SYS_poll
        IF_CALL(SYS_poll, 6),
#endif
        IF_CALL(SYS_ppoll, 5),
        IF_CALL(SYS_read, 4),
        IF_CALL(SYS_write, 3),
        IF_CALL(SYS_getpid, 2),
        IF_CALL(SYS_exit_group, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == -1;
}

int main(void)
{
    static const char alive[] = "alive\n";
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

    if (lock_up()) {
        perror("sandboxed: prctl");
        return 77;
    }
    if (poll(&input, 1, 60000) != 1 || write(STDOUT_FILENO, alive, sizeof alive - 1) == -1)
        return 1;
    _exit(0);
}
