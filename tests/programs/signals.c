/*
 * A server that sets handlers and masks for every signal, asks what is set, sends itself the
 * signals and looks at what arrives. Prints each difference to what POSIX says, then
 * "checked N", and waits for clients: so it can be upgraded, and checks again.
 *
 *     signals PORT [inherit|filter|handlers]
 *
 * "inherit": only what a thread and a child inherit. "filter": once it has entered a seccomp
 * filter, which lets everything pass. "handlers": the same, and it had some before.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int checked;
static int different;
static volatile sig_atomic_t arrived[NSIG];
static volatile sig_atomic_t from_me[NSIG];

/* What tfpreload may want for itself comes first, then some others for comparison. */
static const int numbers[] = {SIGURG, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGCHLD};

enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };

static void check(bool right, const char *what, int number)
{
    checked++;
    if (right)
        return;
    different++;
    printf("DIFFERENT signal %d: %s\n", number, what);
}

static void plain(int number)
{
    arrived[number]++;
}

static void with_info(int number, siginfo_t *info, void *context)
{
    arrived[number]++;
    from_me[number] = info->si_signo == number && info->si_pid == getpid() && context != NULL;
}

static bool same_set(const sigset_t *one, const sigset_t *other)
{
    for (int i = 1; i < NSIG; i++) {
        if (sigismember(one, i) != sigismember(other, i))
            return false;
    }
    return true;
}

/* The kernel's own flag, which libc does not always hide. */
static int flags_of(const struct sigaction *action)
{
    return action->sa_flags & ~0x04000000;
}

static void check_actions(int number)
{
    struct sigaction first = {.sa_sigaction = with_info, .sa_flags = SA_SIGINFO | SA_NODEFER};
    struct sigaction second = {.sa_handler = plain};
    struct sigaction old;

    sigaction(number, NULL, &old);
    check(old.sa_handler == SIG_DFL && flags_of(&old) == 0, "the default at the start", number);
    sigemptyset(&first.sa_mask);
    sigaddset(&first.sa_mask, SIGTERM);
    sigaddset(&first.sa_mask, SIGURG);
    sigemptyset(&second.sa_mask);
    sigaction(number, &first, NULL);
    sigaction(number, NULL, &old);
    check(old.sa_sigaction == with_info && flags_of(&old) == flags_of(&first) &&
              same_set(&old.sa_mask, &first.sa_mask),
          "sigaction() says what was set", number);
    sigaction(number, &second, &old);
    check(old.sa_sigaction == with_info && flags_of(&old) == flags_of(&first),
          "sigaction() says what was set before", number);
    check(signal(number, SIG_IGN) == plain, "signal() says what sigaction() had set", number);
    sigaction(number, NULL, &old);
    check(old.sa_handler == SIG_IGN, "sigaction() says what signal() had set", number);
    check(signal(number, plain) == SIG_IGN, "signal() says what signal() had set", number);
    sigaction(number, NULL, &old);
    check(old.sa_handler == plain && flags_of(&old) == SA_RESTART &&
              sigismember(&old.sa_mask, number) == 1,
          "signal() means SA_RESTART and its own number in the mask", number);
    signal(number, SIG_DFL);
}

static void check_arrival(int number)
{
    struct sigaction action = {.sa_sigaction = with_info, .sa_flags = SA_SIGINFO};

    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
    arrived[number] = 0;
    kill(getpid(), number);
    check(arrived[number] == 1 && from_me[number], "kill() of our own arrives once", number);
    raise(number);
    check(arrived[number] == 2 && from_me[number], "raise() arrives once", number);
    sigqueue(getpid(), number, (union sigval){.sival_int = 5});
    check(arrived[number] == 3 && from_me[number], "sigqueue() arrives once", number);
    signal(number, SIG_IGN);
    raise(number);
    check(arrived[number] == 3, "an ignored signal does not arrive", number);
    action.sa_flags = SA_SIGINFO | (int)SA_RESETHAND;
    sigaction(number, &action, NULL);
    raise(number);
    sigaction(number, NULL, &action);
    check(arrived[number] == 4 && action.sa_handler == SIG_DFL, "SA_RESETHAND", number);
    check(flags_of(&action) == (SA_SIGINFO | (int)SA_RESETHAND), "its flags stay", number);
    signal(number, SIG_DFL);
}

/* A signal that ends a process by default still does, in a child of ours too. */
static void check_default(int number)
{
    pid_t child = fork();
    int status = 0;

    if (child == 0) {
        raise(number);
        _exit(0);
    }
    waitpid(child, &status, 0);
    if (number == SIGURG || number == SIGCHLD)
        check(WIFEXITED(status), "the default is to ignore it", number);
    else
        check(WIFSIGNALED(status) && WTERMSIG(status) == number, "the default ends", number);
}

static void check_masks(void)
{
    sigset_t all;
    sigset_t expected;
    sigset_t old;
    sigset_t before;
    sigset_t one;

    sigprocmask(SIG_BLOCK, NULL, &before);
    sigfillset(&all);
    sigfillset(&expected);
    sigdelset(&expected, SIGKILL);
    sigdelset(&expected, SIGSTOP);
    sigprocmask(SIG_SETMASK, &all, &old);
    check(same_set(&old, &before), "sigprocmask() says what was blocked before", 0);
    sigprocmask(SIG_BLOCK, NULL, &old);
    check(same_set(&old, &expected), "sigprocmask() says that all is blocked", 0);
    pthread_sigmask(SIG_BLOCK, NULL, &old);
    check(same_set(&old, &expected), "pthread_sigmask() says that all is blocked", 0);
    for (size_t i = 0; i < NUMBERS; i++) {
        sigemptyset(&one);
        sigaddset(&one, numbers[i]);
        sigprocmask(SIG_UNBLOCK, &one, &old);
        check(same_set(&old, &expected), "what was blocked before an unblocking", numbers[i]);
        sigdelset(&expected, numbers[i]);
        pthread_sigmask(SIG_SETMASK, NULL, &old);
        check(same_set(&old, &expected), "one signal is unblocked", numbers[i]);
        pthread_sigmask(SIG_BLOCK, &one, NULL);
        sigaddset(&expected, numbers[i]);
    }
    sigprocmask(SIG_SETMASK, &before, &old);
    check(same_set(&old, &expected), "all was blocked until now", 0);
    sigprocmask(SIG_BLOCK, NULL, &old);
    check(same_set(&old, &before), "the first mask is back", 0);
}

static void *ask_mask(void *mask)
{
    pthread_sigmask(SIG_BLOCK, NULL, mask);
    return NULL;
}

/* A thread and a child inherit the mask: pthread_create(3), fork(2). */
static void check_inherited_masks(void)
{
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    sigset_t mine;
    sigset_t threads;
    pid_t child;
    int status = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_sigmask(SIG_BLOCK, NULL, &mine);
    sigemptyset(&threads);
    if (pthread_create(&thread, NULL, ask_mask, &threads) == 0)
        pthread_join(thread, NULL);
    check(same_set(&mine, &threads), "a thread inherits the mask", 0);
    child = fork();
    if (child == 0) {
        sigset_t childs;

        sigprocmask(SIG_BLOCK, NULL, &childs);
        _exit(same_set(&mine, &childs) ? 0 : 1);
    }
    waitpid(child, &status, 0);
    check(status == 0, "a child inherits the mask", 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void enter_filter(void)
{
    struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {1, &all};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == -1) {
        perror("signals: prctl");
        exit(1);
    }
}

static void check_handlers_in_filter(void)
{
    static const struct sigaction none = {.sa_handler = SIG_DFL};
    struct sigaction old;

    for (size_t i = 0; i < NUMBERS; i++)
        signal(numbers[i], plain);
    enter_filter();
    for (size_t i = 0; i < NUMBERS; i++) {
        raise(numbers[i]);
        check(arrived[numbers[i]] == 1, "arrives in a filter", numbers[i]);
        sigaction(numbers[i], &none, &old);
        check(old.sa_handler == plain, "sigaction() in a filter says what was set", numbers[i]);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const char *mode = argc > 2 ? argv[2] : "";
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == -1 || listen(fd, 16) == -1) {
        perror("signals: bind, listen");
        return 1;
    }
    if (strcmp(mode, "filter") == 0)
        enter_filter();
    if (strcmp(mode, "handlers") == 0)
        check_handlers_in_filter();
    for (size_t i = 0; i < NUMBERS && strcmp(mode, "inherit") != 0; i++) {
        check_actions(numbers[i]);
        check_arrival(numbers[i]);
        check_default(numbers[i]);
    }
    if (strcmp(mode, "inherit") != 0)
        check_masks();
    else
        check_inherited_masks();
    printf("checked %d, different %d, pid %d\n", checked, different, (int)getpid());
    fflush(stdout);
    for (;;)
        close(accept(fd, NULL, NULL));
}
