/*
 * Calls every function that is interposed and compares what it returns, and what it leaves in
 * errno, with what the kernel is known to say. Prints each difference, then "checked N", and
 * waits for clients: so it can be upgraded, and checks again with an adopted listener.
 *
 *     calls PORT [unreadable]
 *
 * "unreadable": with addresses that cannot be read, which the kernel answers with EFAULT.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { UNTOUCHED = 4711 };

static int checked;
static int different;

/* `error` 0: the call succeeds with `wanted`, and errno stays as it was. */
static void expect(const char *name, long got, long wanted, int error)
{
    int seen = errno;
    int wanted_errno = error ? error : UNTOUCHED;

    checked++;
    if (got == wanted && seen == wanted_errno)
        return;
    different++;
    printf("DIFFERENT %s: returned %ld with errno %d, expected %ld with %d\n", name, got, seen,
           wanted, wanted_errno);
}

#define SUCCEEDS(call, wanted) (errno = UNTOUCHED, expect(#call, (long)(call), (wanted), 0))
#define FAILS(call, error) (errno = UNTOUCHED, expect(#call, (long)(call), -1, (error)))

/* Only an address that the kernel refuses: nothing may be read through it in user space. */
static void *volatile nowhere = (void *)8;

static struct sockaddr_in address_of(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    return address;
}

/* Until a client is there for us: an old generation that has not retired yet takes some, too. */
static void connect_to(int listener, int port)
{
    struct sockaddr_in address = address_of(port);
    struct pollfd look = {.fd = listener, .events = POLLIN};

    do {
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == -1)
            perror("calls: connect");
        /* left open: the client must not be gone before it is accepted */
        usleep(20000);
    } while (poll(&look, 1, 100) == 0);
}

static void check_bind_and_listen(int listener, int port)
{
    struct sockaddr_in taken = address_of(port);
    struct sockaddr_in free_port = address_of(0);
    struct sockaddr *address = (struct sockaddr *)&taken;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int null = open("/dev/null", O_RDWR);

    FAILS(bind(-1, address, sizeof(taken)), EBADF);
    FAILS(bind(null, address, sizeof(taken)), ENOTSOCK);
    FAILS(bind(fd, address, 3), EINVAL);
    FAILS(bind(fd, NULL, sizeof(taken)), EFAULT);
    FAILS(bind(fd, address, sizeof(taken)), EADDRINUSE);
    FAILS(bind(listener, address, sizeof(taken)), EINVAL);
    FAILS(listen(-1, 5), EBADF);
    FAILS(listen(null, 5), ENOTSOCK);
    SUCCEEDS(bind(fd, (struct sockaddr *)&free_port, sizeof(free_port)), 0);
    FAILS(bind(fd, (struct sockaddr *)&free_port, sizeof(free_port)), EINVAL);
    SUCCEEDS(listen(fd, 5), 0);
    SUCCEEDS(listen(fd, 6), 0);
    close(fd);
    close(null);
}

static void check_accept(int listener, int port)
{
    struct sockaddr_in address;
    socklen_t length = sizeof(address);
    int client;

    FAILS(accept(-1, NULL, NULL), EBADF);
    FAILS(accept4(-1, NULL, NULL, 0), EBADF);
    FAILS(accept4(listener, NULL, NULL, 0xffff), EINVAL);
    SUCCEEDS(fcntl(listener, F_SETFL, O_NONBLOCK), 0);
    SUCCEEDS(fcntl(listener, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    FAILS(accept(listener, NULL, NULL), EAGAIN);
    FAILS(accept4(listener, NULL, NULL, SOCK_NONBLOCK), EAGAIN);
    SUCCEEDS(fcntl(listener, F_SETFL, 0), 0);
    SUCCEEDS(fcntl(listener, F_GETFL) & O_NONBLOCK, 0);
    connect_to(listener, port);
    errno = UNTOUCHED;
    client = accept(listener, (struct sockaddr *)&address, &length);
    expect("accept", client >= 0 && length == sizeof(address), 1, 0);
    SUCCEEDS(fcntl(client, F_GETFL) & O_NONBLOCK, 0);
    SUCCEEDS(fcntl(client, F_GETFD), 0);
    close(client);
    connect_to(listener, port);
    errno = UNTOUCHED;
    client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    expect("accept4", client >= 0, 1, 0);
    SUCCEEDS(fcntl(client, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    SUCCEEDS(fcntl(client, F_GETFD), FD_CLOEXEC);
    close(client);
}

static void check_descriptors(int listener)
{
    int on = 1;
    int off = 0;
    int copy;

    FAILS(fcntl(-1, F_GETFL), EBADF);
    FAILS(fcntl(listener, 9999), EINVAL);
    FAILS(ioctl(-1, FIONBIO, &on), EBADF);
    SUCCEEDS(ioctl(listener, FIONBIO, &on), 0);
    SUCCEEDS(fcntl(listener, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    SUCCEEDS(ioctl(listener, FIONBIO, &off), 0);
    SUCCEEDS(fcntl(listener, F_GETFL) & O_NONBLOCK, 0);
    errno = UNTOUCHED;
    copy = fcntl(listener, F_DUPFD_CLOEXEC, 100);
    expect("fcntl(F_DUPFD_CLOEXEC)", copy >= 100, 1, 0);
    SUCCEEDS(fcntl(copy, F_GETFD), FD_CLOEXEC);
    close(copy);
}

static void check_polls(int listener)
{
    struct pollfd fds[2] = {{.fd = listener, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
    struct timespec none = {0, 0};
    struct timespec invalid = {0, 2000000000};
    struct timeval no_time = {0, 0};
    struct timeval bad_time = {-1, 0};
    struct epoll_event events[2];
    struct epoll_event wanted = {.events = EPOLLIN};
    sigset_t mask;
    fd_set set;
    int epoll = epoll_create1(0);
    int closed;

    sigemptyset(&mask);
    SUCCEEDS(poll(fds, 2, 0), 0);
    SUCCEEDS(poll(fds, 2, 5), 0);
    SUCCEEDS(poll(NULL, 0, 1), 0);
    SUCCEEDS(ppoll(fds, 2, &none, &mask), 0);
    SUCCEEDS(ppoll(NULL, 0, &none, NULL), 0);
    FAILS(ppoll(fds, 1, &invalid, NULL), EINVAL);
    fds[1].fd = 1000;
    SUCCEEDS(poll(fds, 2, 0), 1);
    SUCCEEDS(fds[1].revents, POLLNVAL);
    FD_ZERO(&set);
    FD_SET(listener, &set);
    SUCCEEDS(select(listener + 1, &set, NULL, NULL, &no_time), 0);
    SUCCEEDS(select(0, NULL, NULL, NULL, &no_time), 0);
    FAILS(select(-1, NULL, NULL, NULL, &no_time), EINVAL);
    FAILS(select(1, NULL, NULL, NULL, &bad_time), EINVAL);
    closed = dup(listener);
    close(closed);
    FD_ZERO(&set);
    FD_SET(closed, &set);
    FAILS(select(closed + 1, &set, NULL, NULL, &no_time), EBADF);
    FD_ZERO(&set);
    FD_SET(listener, &set);
    SUCCEEDS(pselect(listener + 1, &set, NULL, NULL, &none, &mask), 0);
    FAILS(pselect(0, NULL, NULL, NULL, &invalid, NULL), EINVAL);
    SUCCEEDS(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &wanted), 0);
    SUCCEEDS(epoll_wait(epoll, events, 2, 0), 0);
    SUCCEEDS(epoll_wait(epoll, events, 2, 5), 0);
    SUCCEEDS(epoll_pwait(epoll, events, 2, 0, &mask), 0);
    SUCCEEDS(epoll_pwait2(epoll, events, 2, &none, NULL), 0);
    FAILS(epoll_pwait2(epoll, events, 2, &invalid, NULL), EINVAL);
    FAILS(epoll_wait(-1, events, 2, 0), EBADF);
    FAILS(epoll_wait(listener, events, 2, 0), EINVAL);
    FAILS(epoll_wait(epoll, events, 0, 0), EINVAL);
    close(epoll);
}

static void check_sleeps(void)
{
    struct timespec short_time = {0, 1000000};
    struct timespec none = {0, 0};
    struct timespec invalid = {0, 2000000000};
    struct timespec past = {1, 0};
    sigset_t set;
    siginfo_t info;
    int number = 0;

    SUCCEEDS(nanosleep(&short_time, NULL), 0);
    FAILS(nanosleep(&invalid, NULL), EINVAL);
    SUCCEEDS(clock_nanosleep(CLOCK_MONOTONIC, 0, &short_time, NULL), 0);
    SUCCEEDS(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &past, NULL), 0);
    /* it returns its error: clock_nanosleep(2) */
    SUCCEEDS(clock_nanosleep(CLOCK_MONOTONIC, 0, &invalid, NULL), EINVAL);
    SUCCEEDS(sleep(0), 0);
    SUCCEEDS(usleep(1000), 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    FAILS(sigtimedwait(&set, &info, &none), EAGAIN);
    FAILS(sigtimedwait(&set, NULL, &short_time), EAGAIN);
    FAILS(sigtimedwait(&set, NULL, &invalid), EINVAL);
    kill(getpid(), SIGUSR1);
    SUCCEEDS(sigwait(&set, &number), 0);
    SUCCEEDS(number, SIGUSR1);
    kill(getpid(), SIGUSR1);
    SUCCEEDS(sigwaitinfo(&set, &info), SIGUSR1);
    SUCCEEDS(info.si_pid, getpid());
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void check_signal_calls(void)
{
    struct sigaction action = {.sa_handler = SIG_IGN};
    struct sigaction old;
    sigset_t set;
    int fd;

    sigemptyset(&set);
    FAILS(sigaction(0, &action, NULL), EINVAL);
    FAILS(sigaction(NSIG, &action, NULL), EINVAL);
    FAILS(sigaction(SIGKILL, &action, NULL), EINVAL);
    SUCCEEDS(sigaction(SIGUSR2, &action, &old), 0);
    SUCCEEDS(sigaction(SIGUSR2, NULL, NULL), 0);
    SUCCEEDS(sigaction(SIGHUP, NULL, &old), 0);
    SUCCEEDS(sigaction(SIGURG, NULL, &old), 0);
    FAILS(signal(NSIG, SIG_IGN), EINVAL);
    FAILS(signal(SIGKILL, SIG_IGN), EINVAL);
    SUCCEEDS(signal(SIGURG, SIG_IGN), 0);
    SUCCEEDS(signal(SIGURG, SIG_DFL), (long)SIG_IGN);
    SUCCEEDS(signal(SIGHUP, SIG_IGN), 0);
    SUCCEEDS(signal(SIGHUP, SIG_DFL), (long)SIG_IGN);
    SUCCEEDS(sigprocmask(SIG_BLOCK, &set, NULL), 0);
    SUCCEEDS(sigprocmask(SIG_BLOCK, NULL, &set), 0);
    FAILS(sigprocmask(99, &set, NULL), EINVAL);
    SUCCEEDS(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    SUCCEEDS(pthread_sigmask(99, &set, NULL), EINVAL);
    FAILS(signalfd(1000, &set, 0), EBADF);
    FAILS(signalfd(-1, &set, 0x1234), EINVAL);
    errno = UNTOUCHED;
    fd = signalfd(-1, &set, 0);
    expect("signalfd", fd >= 0, 1, 0);
    close(fd);
}

static void check_processes(void)
{
    const union sigval value = {0};
    pid_t child = fork();

    if (child == 0)
        _exit(0);
    SUCCEEDS(kill(child, 0), 0);
    SUCCEEDS(sigqueue(child, 0, value), 0);
    waitpid(child, NULL, 0);
    FAILS(kill(child, 0), ESRCH);
    FAILS(sigqueue(child, SIGTERM, value), ESRCH);
    SUCCEEDS(kill(getpid(), 0), 0);
    SUCCEEDS(kill(getppid(), 0), 0);
    FAILS(kill(getpid(), NSIG), EINVAL);
    FAILS(killpg(-1, 0), EINVAL);
}

static void check_files(void)
{
    struct flock range = {.l_type = F_WRLCK};
    int fd;

    FAILS(open("calls.none", O_RDONLY), ENOENT);
    FAILS(open(nowhere, O_RDWR | O_CREAT | O_EXCL, 0600), EFAULT);
    fd = open("calls.file", O_RDWR | O_CREAT | O_EXCL, 0600);
    FAILS(open("calls.file", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
    FAILS(openat(AT_FDCWD, "calls.file", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
    FAILS(openat(-1, "calls.file", O_RDWR), EBADF);
    SUCCEEDS(flock(fd, LOCK_EX), 0);
    SUCCEEDS(flock(fd, LOCK_UN), 0);
    FAILS(flock(-1, LOCK_EX), EBADF);
    FAILS(flock(fd, 0), EINVAL);
    SUCCEEDS(fcntl(fd, F_SETLK, &range), 0);
    FAILS(fcntl(fd, F_SETLK, nowhere), EFAULT);
    SUCCEEDS(lockf(fd, F_TLOCK, 0), 0);
    SUCCEEDS(lockf(fd, F_TEST, 0), 0);
    SUCCEEDS(lockf(fd, F_ULOCK, 0), 0);
    FAILS(lockf(fd, 17, 0), EINVAL);
    FAILS(lockf(-1, F_LOCK, 0), EBADF);
    close(fd);
    SUCCEEDS(unlink("calls.file"), 0);
}

static void check_paths(void)
{
    struct sockaddr_un one = {.sun_family = AF_UNIX, .sun_path = "calls.one"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    FAILS(unlink("calls.none"), ENOENT);
    FAILS(unlink(nowhere), EFAULT);
    FAILS(rename("calls.none", "calls.two"), ENOENT);
    FAILS(rename(nowhere, "calls.two"), EFAULT);
    FAILS(link("calls.none", "calls.two"), ENOENT);
    SUCCEEDS(bind(fd, (struct sockaddr *)&one, sizeof(one)), 0);
    FAILS(link("calls.one", "calls.one"), EEXIST);
    FAILS(rename("calls.one", nowhere), EFAULT);
    FAILS(renameat(-1, "calls.one", AT_FDCWD, "calls.two"), EBADF);
    SUCCEEDS(link("calls.one", "calls.two"), 0);
    SUCCEEDS(rename("calls.one", "calls.two"), 0); /* two names of one file: both stay */
    SUCCEEDS(unlink("calls.two"), 0);
    SUCCEEDS(rename("calls.one", "calls.two"), 0);
    FAILS(renameat2(AT_FDCWD, "calls.two", AT_FDCWD, "calls.two", 1), EEXIST);
    SUCCEEDS(linkat(AT_FDCWD, "calls.two", AT_FDCWD, "calls.one", 0), 0);
    SUCCEEDS(unlinkat(AT_FDCWD, "calls.one", 0), 0);
    SUCCEEDS(remove("calls.two"), 0);
    FAILS(unlink("calls.two"), ENOENT);
    close(fd);
}

static void check_datagram_messages(int fd, struct sockaddr_in *peer)
{
    char data[8];
    struct iovec part = {data, 4};
    struct mmsghdr one = {
        .msg_hdr = {
            .msg_name = peer, .msg_namelen = sizeof(*peer), .msg_iov = &part, .msg_iovlen = 1}};
    struct msghdr unreadable = one.msg_hdr;

    unreadable.msg_name = nowhere;
    SUCCEEDS(recvmsg(fd, &one.msg_hdr, 0), 4);
    SUCCEEDS(one.msg_hdr.msg_namelen, (long)sizeof(*peer));
    SUCCEEDS(sendmsg(fd, &one.msg_hdr, 0), 4);
    FAILS(sendmsg(fd, &unreadable, 0), EFAULT);
    FAILS(sendmsg(fd, nowhere, 0), EFAULT);
    FAILS(recvmsg(-1, &one.msg_hdr, 0), EBADF);
    SUCCEEDS(recvmmsg(fd, &one, 1, 0, NULL), 1);
    SUCCEEDS(sendmmsg(fd, &one, 1, 0), 1);
    FAILS(recvmmsg(fd, &one, 1, MSG_DONTWAIT, NULL), EAGAIN);
    FAILS(sendmmsg(fd, nowhere, 1, 0), EFAULT);
    FAILS(sendmmsg(-1, &one, 1, 0), EBADF);
}

static void check_datagrams(int port)
{
    struct sockaddr_in address = address_of(port);
    struct sockaddr_in peer;
    socklen_t length = sizeof(peer);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    int client = socket(AF_INET, SOCK_DGRAM, 0);
    char data[8];

    SUCCEEDS(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    FAILS(bind(client, (struct sockaddr *)&address, sizeof(address)), EADDRINUSE);
    SUCCEEDS(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
    for (int i = 0; i < 3; i++)
        SUCCEEDS(send(client, "data", 4, 0), 4);
    SUCCEEDS(recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&peer, &length), 4);
    SUCCEEDS(length, (long)sizeof(peer));
    SUCCEEDS(sendto(fd, "data", 4, 0, (struct sockaddr *)&peer, length), 4);
    FAILS(sendto(fd, "data", 4, 0, nowhere, length), EFAULT);
    FAILS(sendto(-1, "data", 4, 0, (struct sockaddr *)&peer, length), EBADF);
    FAILS(recvfrom(-1, data, sizeof(data), 0, (struct sockaddr *)&peer, &length), EBADF);
    check_datagram_messages(fd, &peer);
    FAILS(recvfrom(fd, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&peer, &length),
          EAGAIN);
    close(client);
    close(fd);
}

static void check_exec(void)
{
    char *const arguments[] = {"calls.none", NULL};
    char *const variables[] = {"A=B", NULL};

    FAILS(execve("calls.none", arguments, variables), ENOENT);
    FAILS(execve("/dev/null", arguments, variables), EACCES);
    FAILS(execve("/proc/self/exe", arguments, nowhere), EFAULT);
}

static void check_unreadable(int listener)
{
    struct timespec none = {0, 0};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    FAILS(bind(fd, nowhere, sizeof(struct sockaddr_in)), EFAULT);
    FAILS(ioctl(listener, FIONBIO, NULL), EFAULT);
    FAILS(ioctl(listener, FIONBIO, nowhere), EFAULT);
    FAILS(poll(nowhere, 1, 0), EFAULT);
    FAILS(ppoll(nowhere, 1, &none, NULL), EFAULT);
    FAILS(select(1, nowhere, NULL, NULL, NULL), EFAULT);
    FAILS(nanosleep(nowhere, NULL), EFAULT);
    close(fd);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = address_of(argc > 1 ? atoi(argv[1]) : 0);
    int port = ntohs(address.sin_port);
    int fd;

    errno = UNTOUCHED;
    fd = socket(AF_INET, SOCK_STREAM, 0);
    expect("socket", fd >= 0, 1, 0);
    SUCCEEDS(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)), 0);
    SUCCEEDS(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    SUCCEEDS(listen(fd, 16), 0);
    if (argc > 2) {
        check_unreadable(fd);
    } else {
        check_bind_and_listen(fd, port);
        check_descriptors(fd);
        check_polls(fd);
        check_sleeps();
        check_signal_calls();
        check_processes();
        check_files();
        check_paths();
        check_datagrams(port);
        check_exec();
        check_accept(fd, port);
    }
    printf("checked %d, different %d, pid %d\n", checked, different, (int)getpid());
    fflush(stdout);
    for (;;)
        close(accept(fd, NULL, NULL));
}
