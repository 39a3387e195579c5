/*
 * A server whose processes sit in every wait that signal(7) says is never restarted after a
 * handler. Each prints "NAME timed: …" for a wait that ends by its time, then "NAME long: …" for
 * one that only a signal ends.
 *
 *     waits PORT MILLISECONDS NAME
 *
 * The first process accepts and keeps its clients; a child for each kind of wait holds the
 * listener too, as a worker would. SIGUSR1 to a child, without SA_RESTART, must show as EINTR.
 * NAME is the abstract name of a unix listener that somebody else has, and whose queue is full.
 */
#include <aio.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static sigset_t none;
static sigset_t waited; /* blocked in every child; the sigwait family waits for it */

static void on_signal(int number)
{
    (void)number;
}

static struct timespec timespec_of(int milliseconds)
{
    return (struct timespec){milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};
}

static struct timespec from_now(clockid_t clock, int ms)
{
    struct timespec time;

    clock_gettime(clock, &time);
    time.tv_sec += ms / 1000 + (time.tv_nsec + (long)(ms % 1000) * 1000000) / 1000000000;
    time.tv_nsec = (time.tv_nsec + (long)(ms % 1000) * 1000000) % 1000000000;
    return time;
}

static int do_poll(int ms)
{
    return poll(NULL, 0, ms);
}

static int do_ppoll(int ms)
{
    struct timespec time = timespec_of(ms);

    return ppoll(NULL, 0, &time, &none);
}

static int do_select(int ms)
{
    struct timeval time = {ms / 1000, (long)(ms % 1000) * 1000};

    return select(0, NULL, NULL, NULL, &time);
}

static int do_pselect(int ms)
{
    struct timespec time = timespec_of(ms);

    return pselect(0, NULL, NULL, NULL, &time, NULL);
}

static int epoll_set(void)
{
    static int set = -1;

    if (set == -1)
        set = epoll_create1(0);
    return set;
}

static int do_epoll_wait(int ms)
{
    struct epoll_event event;

    return epoll_wait(epoll_set(), &event, 1, ms);
}

static int do_epoll_pwait(int ms)
{
    struct epoll_event event;

    return epoll_pwait(epoll_set(), &event, 1, ms, &none);
}

static int do_epoll_pwait2(int ms)
{
    struct timespec time = timespec_of(ms);
    struct epoll_event event;

    return epoll_pwait2(epoll_set(), &event, 1, &time, NULL);
}

static int do_nanosleep(int ms)
{
    struct timespec time = timespec_of(ms);

    return nanosleep(&time, NULL);
}

static int do_clock_nanosleep(int ms)
{
    struct timespec time = timespec_of(ms);
    int error = clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);

    errno = error;
    return error ? -1 : 0;
}

static int do_absolute_sleep(int ms)
{
    struct timespec time = from_now(CLOCK_MONOTONIC, ms);
    int error = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
    errno = error;
    return error ? -1 : 0;
}

/* sleep(3) knows whole seconds only, and has no errno. */
static int do_sleep(int ms)
{
    errno = EINTR;
    return sleep((unsigned)(ms + 999) / 1000) == 0 ? 0 : -1;
}

static int do_usleep(int ms)
{
    return usleep((useconds_t)ms * 1000);
}

static int do_sigtimedwait(int ms)
{
    struct timespec time = timespec_of(ms);

    return sigtimedwait(&waited, NULL, &time) == -1 && errno == EAGAIN ? 0 : -1;
}

static int do_sigwaitinfo(int ms)
{
    (void)ms;
    return sigwaitinfo(&waited, NULL);
}

static int do_thrd_sleep(int ms)
{
    struct timespec time = timespec_of(ms);
    int result = thrd_sleep(&time, NULL);

    errno = result == -1 ? EINTR : EINVAL;
    return result == 0 ? 0 : -1;
}

static int do_pause(int ms)
{
    (void)ms;
    return pause();
}

static int do_sigsuspend(int ms)
{
    (void)ms;
    return sigsuspend(&none);
}

/* By the names that libc exports: its header has one, and chooses what that is. */
extern int pause_mask(int mask) __asm__("sigpause");
extern int pause_signal(int number) __asm__("__xpg_sigpause");

static int do_sigpause(int ms)
{
    (void)ms;
    return pause_mask(0);
}

static int do_xpg_sigpause(int ms)
{
    (void)ms;
    return pause_signal(SIGUSR2);
}

static int silent_socket(void)
{
    static int pair[2] = {-1, -1};

    if (pair[0] == -1 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
        _exit(1);
    return pair[0];
}

/*
 * socket(7): with a timeout set, a receive is not restarted either, and nobody wraps it. Once in a
 * process of its own ("receive"), once in a thread beside accept() ("recv"), which is the better
 * one to interrupt.
 */
static int do_recv(int ms)
{
    struct timeval time = {ms / 1000, (long)(ms % 1000) * 1000};
    char byte;

    setsockopt(silent_socket(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
    return recv(silent_socket(), &byte, 1, 0) == -1 && errno == EAGAIN ? 0 : -1;
}

static int do_recvfrom(int ms)
{
    struct timeval time = {ms / 1000, (long)(ms % 1000) * 1000};
    struct sockaddr_un from;
    socklen_t length = sizeof(from);
    char byte;

    setsockopt(silent_socket(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
    return recvfrom(silent_socket(), &byte, 1, 0, (struct sockaddr *)&from, &length) == -1 &&
                   errno == EAGAIN
               ? 0
               : -1;
}

static int do_read(int ms)
{
    struct timeval time = {ms / 1000, (long)(ms % 1000) * 1000};
    char byte;

    setsockopt(silent_socket(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
    return read(silent_socket(), &byte, 1) == -1 && errno == EAGAIN ? 0 : -1;
}

static int do_recvmmsg(int ms)
{
    struct timeval time = {ms / 1000, (long)(ms % 1000) * 1000};
    struct mmsghdr messages[4] = {0};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
    return recvmmsg(fd, messages, 4, 0, NULL) == -1 && errno == EAGAIN ? 0 : -1;
}

/* recvmmsg(2): with one message there, it returns that, and the next call has the error. */
static int do_recvmmsg_some(int ms)
{
    struct timeval time = {ms / 1000, (long)(ms % 1000) * 1000};
    struct mmsghdr messages[4] = {0};
    int pair[2];
    char byte;

    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == -1)
        _exit(1);
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
    if (send(pair[1], "", 1, 0) != 1 || recvmmsg(pair[0], messages, 4, 0, NULL) != 1)
        return -1;
    return recv(pair[0], &byte, 1, 0) == -1 && errno == EAGAIN ? 0 : -1;
}

/* A send waits when the other end does not read. */
static int do_sendto(int ms)
{
    struct timeval time = {ms / 1000, (long)(ms % 1000) * 1000};
    char bytes[4096] = {0};

    setsockopt(silent_socket(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
    while (send(silent_socket(), bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        ;
    return sendto(silent_socket(), bytes, sizeof(bytes), 0, NULL, 0) == -1 && errno == EAGAIN ? 0
                                                                                              : -1;
}

static const char *full_listener;

static int do_connect(int ms)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval time = {ms / 1000, (long)(ms % 1000) * 1000};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    size_t length = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(full_listener);

    snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "%s", full_listener);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
    return connect(fd, (struct sockaddr *)&address, (socklen_t)length) == -1 && errno == EAGAIN
               ? 0
               : -1;
}

static struct ipc {
    int messages;
    int semaphores;
} ipc;

static int do_msgrcv(int ms)
{
    struct {
        long type;
        char text[1];
    } message;

    (void)ms;
    return (int)msgrcv(ipc.messages, &message, sizeof(message.text), 1, 0);
}

static int do_semop(int ms)
{
    struct sembuf wait = {.sem_op = -1};

    (void)ms;
    return semop(ipc.semaphores, &wait, 1);
}

static int do_semtimedop(int ms)
{
    struct timespec time = timespec_of(ms);
    struct sembuf wait = {.sem_op = -1};

    return semtimedop(ipc.semaphores, &wait, 1, &time) == -1 && errno == EAGAIN ? 0 : -1;
}

/* What POSIX has on top of futex(2): with a time, that is not restarted either. */
static int do_sem_timedwait(int ms)
{
    struct timespec time = from_now(CLOCK_REALTIME, ms);
    sem_t semaphore;

    sem_init(&semaphore, 0, 0);
    return sem_timedwait(&semaphore, &time) == -1 && errno == ETIMEDOUT ? 0 : -1;
}

static int do_sem_clockwait(int ms)
{
    struct timespec time = from_now(CLOCK_MONOTONIC, ms);
    sem_t semaphore;

    sem_init(&semaphore, 0, 0);
    return sem_clockwait(&semaphore, CLOCK_MONOTONIC, &time) == -1 && errno == ETIMEDOUT ? 0 : -1;
}

static int do_aio_suspend(int ms)
{
    static char byte;
    static struct aiocb request = {.aio_buf = &byte, .aio_nbytes = 1};
    static const struct aiocb *const requests[] = {&request};
    struct timespec time = timespec_of(ms);

    if (request.aio_fildes == 0) {
        request.aio_fildes = silent_socket();
        if (aio_read(&request) == -1)
            _exit(1);
    }
    return aio_suspend(requests, 1, &time) == -1 && errno == EAGAIN ? 0 : -1;
}

static void make_ipc(void)
{
    ipc.messages = msgget(IPC_PRIVATE, 0600);
    ipc.semaphores = semget(IPC_PRIVATE, 1, 0600);
    if (ipc.messages == -1 || ipc.semaphores == -1) {
        perror("waits: System V IPC");
        exit(1);
    }
    printf("messages %d\nsemaphores %d\n", ipc.messages, ipc.semaphores);
}

static const struct wait {
    const char *name;
    int (*call)(int milliseconds);
    int endless;  /* it knows no time */
    int threaded; /* in a process that has threads, where libc makes its calls in another way */
} waits[] = {
    {"poll", do_poll, 0, 0},
    {"ppoll", do_ppoll, 0, 0},
    {"select", do_select, 0, 0},
    {"pselect", do_pselect, 0, 0},
    {"epoll_wait", do_epoll_wait, 0, 0},
    {"epoll_pwait", do_epoll_pwait, 0, 0},
    {"epoll_pwait2", do_epoll_pwait2, 0, 0},
    {"nanosleep", do_nanosleep, 0, 0},
    {"clock_nanosleep", do_clock_nanosleep, 0, 0},
    {"absolute_sleep", do_absolute_sleep, 0, 0},
    {"sleep", do_sleep, 0, 0},
    {"usleep", do_usleep, 0, 0},
    {"thrd_sleep", do_thrd_sleep, 0, 0},
    {"sigtimedwait", do_sigtimedwait, 0, 0},
    {"sigwaitinfo", do_sigwaitinfo, 1, 0},
    {"receive", do_recv, 0, 0},
    {"read", do_read, 0, 0},
    {"recvmmsg", do_recvmmsg, 0, 0},
    {"recvmmsg_some", do_recvmmsg_some, 0, 0},
    {"connect", do_connect, 0, 0},
    {"msgrcv", do_msgrcv, 1, 0},
    {"semop", do_semop, 1, 0},
    {"semtimedop", do_semtimedop, 0, 0},
    {"sem_timedwait", do_sem_timedwait, 0, 0},
    {"sem_clockwait", do_sem_clockwait, 0, 0},
    {"aio_suspend", do_aio_suspend, 0, 0},
    {"threaded_recvfrom", do_recvfrom, 0, 1},
    {"threaded_recvmmsg", do_recvmmsg, 0, 1},
    {"threaded_recvmmsg_some", do_recvmmsg_some, 0, 1},
    {"threaded_sendto", do_sendto, 0, 1},
    {"threaded_msgrcv", do_msgrcv, 1, 1},
    {"pause", do_pause, 1, 0},
    {"sigsuspend", do_sigsuspend, 1, 0},
    {"sigpause", do_sigpause, 1, 0},
    {"__xpg_sigpause", do_xpg_sigpause, 1, 0},
};

static const struct wait receive = {"recv", do_recv, 0, 0};

enum { WAITS = sizeof(waits) / sizeof(waits[0]), LONG = 100000 };

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* "poll timed: returned 0 in time" or what was wrong with it, in one write. */
static void wait_and_tell(const struct wait *wait, const char *kind, int milliseconds)
{
    int64_t began = now_ms();
    int result = wait->call(milliseconds);
    int error = errno;
    int64_t took = now_ms() - began;
    const char *in_time = took >= milliseconds ? "in time" : "too early";
    char line[128];
    int length = result == -1 ? snprintf(line, sizeof(line), "%s %s: failed, %s\n", wait->name,
                                         kind, strerrorname_np(error))
                              : snprintf(line, sizeof(line), "%s %s: returned %d %s\n", wait->name,
                                         kind, result, in_time);

    if (write(STDOUT_FILENO, line, (size_t)length) == -1)
        _exit(1);
}

/* It reads for ever: the main thread, which comes first, bears an interruption no worse. */
static void *read_in_thread(void *pipes)
{
    char byte;

    return read(((int *)pipes)[0], &byte, 1) == 1 ? pipes : NULL;
}

static void start_thread(void)
{
    static int pipes[2];
    pthread_t thread;

    if (pipe(pipes) == -1 || pthread_create(&thread, NULL, read_in_thread, pipes) != 0)
        _exit(1);
}

static __attribute__((noreturn)) void be_child(const struct wait *wait, int milliseconds)
{
    struct sigaction action = {.sa_handler = on_signal};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigprocmask(SIG_BLOCK, &waited, NULL);
    sigaction(SIGUSR1, &action, NULL);
    if (wait->threaded)
        start_thread();
    printf("child %s %d\n", wait->name, (int)getpid());
    fflush(stdout);
    if (!wait->endless)
        wait_and_tell(wait, "timed", milliseconds);
    wait_and_tell(wait, "long", LONG);
    for (;;)
        pause();
}

static void *receive_in_thread(void *milliseconds)
{
    wait_and_tell(&receive, "timed", (int)(intptr_t)milliseconds);
    return NULL;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    pthread_t thread;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (argc != 4)
        return 2;
    full_listener = argv[3];
    address.sin_port = htons((uint16_t)atoi(argv[1]));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == -1 || listen(fd, 16) == -1) {
        perror("waits: bind, listen");
        return 1;
    }
    sigemptyset(&none);
    sigemptyset(&waited);
    sigaddset(&waited, SIGUSR2);
    make_ipc();
    fflush(stdout);
    for (size_t i = 0; i < WAITS; i++) {
        if (fork() == 0)
            be_child(&waits[i], atoi(argv[2]));
    }
    if (pthread_create(&thread, NULL, receive_in_thread, (void *)(intptr_t)atoi(argv[2])) != 0)
        return 1;
    for (;;)
        accept(fd, NULL, NULL);
}
