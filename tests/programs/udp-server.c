/*
 * udp-server [-4|-6] [-p|-w] [-e] [-n COUNT] [-d MS] [-t] [-x] PORT VERSION-FILE: answers each
 * datagram with "VERSION PID TEXT". -p waits in poll() before it receives, -w in epoll_wait(); else
 * it blocks in recvfrom(). -e ends at the first error of either. -n serves in so many threads. -d
 * answers that much later, from a child, so that the answer may leave after an upgrade. -t has a
 * timer that libc serves in a thread of its own (SIGEV_THREAD), which blocks all signals. "@NAME"
 * as PORT is a unix datagram socket of that path, "+N" is descriptor N. -x executes itself once it
 * is bound, with that.
 */
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static bool ends_at_error, executes_itself, polls, v6;
static int delay_ms;
static int service;
static int set = -1;
static char version[32] = "1";

static int open_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    unlink(path);
    if (fd == -1 || bind(fd, (struct sockaddr *)&address, sizeof address) == -1) {
        perror("udp-server: bind");
        exit(1);
    }
    return fd;
}

static int open_udp(int port)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);

    if (fd == -1 || (v6 ? bind(fd, (struct sockaddr *)&any6, sizeof any6)
                        : bind(fd, (struct sockaddr *)&any, sizeof any)) == -1) {
        perror("udp-server: bind");
        exit(1);
    }
    return fd;
}

static int open_service(const char *where)
{
    if (where[0] == '+')
        return (int)strtol(where + 1, NULL, 10);
    return where[0] == '@' ? open_unix(where + 1) : open_udp((int)strtol(where, NULL, 10));
}

static void execute_itself(char **argv, int fd, const char *file)
{
    char descriptor[16];

    snprintf(descriptor, sizeof descriptor, "+%d", fd);
    execl(argv[0], argv[0], polls ? "-p" : "-4", ends_at_error ? "-e" : "-4", descriptor, file,
          (char *)NULL);
    perror("udp-server: exec");
    exit(1);
}

static void answer(int fd, const char *text, const struct sockaddr *client, socklen_t length)
{
    char line[600];
    int size = snprintf(line, sizeof line, "%s %d %s", version, (int)getpid(), text);

    if (delay_ms > 0) {
        if (fork() != 0)
            return;
        usleep((useconds_t)delay_ms * 1000);
        if (sendto(fd, line, (size_t)size, 0, client, length) == -1)
            perror("udp-server: late sendto");
        _exit(0);
    }
    if (sendto(fd, line, (size_t)size, 0, client, length) == -1)
        perror("udp-server: sendto");
}

static void end_at_error(const char *what)
{
    if (!ends_at_error)
        return;
    perror(what);
    exit(1);
}

static void *serve(void *unused)
{
    const int fd = service;

    (void)unused;
    for (;;) {
        struct sockaddr_storage client;
        socklen_t length = sizeof client;
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        struct epoll_event event;
        char text[512];
        ssize_t size;

        if (set != -1 ? epoll_wait(set, &event, 1, -1) == -1 : polls && poll(&ready, 1, -1) == -1)
            end_at_error("udp-server: poll");
        size = recvfrom(fd, text, sizeof text - 1, 0, (struct sockaddr *)&client, &length);
        if (size < 0) {
            end_at_error("udp-server: recvfrom");
            continue;
        }
        text[size] = '\0';
        answer(fd, text, (struct sockaddr *)&client, length);
    }
    return NULL;
}

static void open_set(void)
{
    struct epoll_event event = {.events = EPOLLIN};

    set = epoll_create1(0);
    if (epoll_ctl(set, EPOLL_CTL_ADD, service, &event) == -1) {
        perror("udp-server: epoll_ctl");
        exit(1);
    }
}

static void tick(union sigval value)
{
    (void)value;
}

static void start_timer(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = tick};
    const struct itimerspec hour = {{3600, 0}, {3600, 0}};
    timer_t timer;

    if (timer_create(CLOCK_MONOTONIC, &event, &timer) == -1 ||
        timer_settime(timer, 0, &hour, NULL) == -1) {
        perror("udp-server: timer_create");
        exit(1);
    }
}

int main(int argc, char **argv)
{
    FILE *file;
    bool watches = false;
    int threads = 1;
    int option;

    while ((option = getopt(argc, argv, "46pwextn:d:")) != -1) {
        executes_itself |= option == 'x';
        ends_at_error |= option == 'e';
        v6 |= option == '6';
        polls |= option == 'p';
        watches |= option == 'w';
        if (option == 'd')
            delay_ms = (int)strtol(optarg, NULL, 10);
        if (option == 'n')
            threads = (int)strtol(optarg, NULL, 10);
        if (option == 't')
            start_timer();
    }
    if (argc - optind != 2) {
        fprintf(stderr, "usage: udp-server [-4|-6] [-p|-w] [-e] [-n COUNT] [-d MS] [-t] [-x] "
                        "PORT|@PATH|+N VERSION-FILE\n");
        return 2;
    }
    file = fopen(argv[optind + 1], "r");
    if (!file || fscanf(file, "%31s", version) != 1)
        return 1;
    fclose(file);
    signal(SIGCHLD, SIG_IGN);
    service = open_service(argv[optind]);
    if (executes_itself)
        execute_itself(argv, service, argv[optind + 1]);
    if (watches)
        open_set();
    for (pthread_t thread; threads > 1; threads--)
        pthread_create(&thread, NULL, serve, NULL);
    serve(NULL);
}
