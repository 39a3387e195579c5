/*
 * A server that does everything to its socket before bind() that a program can: another number,
 * a second number, flags, socket options, registrations in two epoll sets. It prints what is
 * left of that once it listens, and again at SIGUSR1, so that two states can be compared.
 *
 *     adoption PORT VARIANT-FILE
 *
 * The file says "rich" (all of it), "plain" (nothing) or "spoil": adopt, change everything, fail.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define BUF_LOCK 72 /* SO_BUF_LOCK, Linux 5.14 */

enum { RICH_NUMBER = 40, SECOND_NUMBER = 50 };

static const struct {
    const char *name;
    int level;
    int option;
    int rich;
    int spoilt;
} numbers[] = {
    {"reuseaddr", SOL_SOCKET, SO_REUSEADDR, 1, 0},
    {"keepalive", SOL_SOCKET, SO_KEEPALIVE, 1, 0},
    {"oobinline", SOL_SOCKET, SO_OOBINLINE, 1, 0},
    {"dontroute", SOL_SOCKET, SO_DONTROUTE, 1, 0},
    {"priority", SOL_SOCKET, SO_PRIORITY, 5, 2},
    {"rcvbuf", SOL_SOCKET, SO_RCVBUF, 50000, 20000},
    {"sndbuf", SOL_SOCKET, SO_SNDBUF, 60000, 20000},
    {"tos", IPPROTO_IP, IP_TOS, 0x10, 0x08},
    {"ttl", IPPROTO_IP, IP_TTL, 33, 44},
    {"nodelay", IPPROTO_TCP, TCP_NODELAY, 1, 0},
    {"maxseg", IPPROTO_TCP, TCP_MAXSEG, 1000, 900},
    {"defer", IPPROTO_TCP, TCP_DEFER_ACCEPT, 3, 7},
    {"keepidle", IPPROTO_TCP, TCP_KEEPIDLE, 77, 88},
    {"keepintvl", IPPROTO_TCP, TCP_KEEPINTVL, 11, 12},
    {"keepcnt", IPPROTO_TCP, TCP_KEEPCNT, 4, 6},
    {"syncnt", IPPROTO_TCP, TCP_SYNCNT, 3, 5},
    {"linger2", IPPROTO_TCP, TCP_LINGER2, 10, 20},
    {"user_timeout", IPPROTO_TCP, TCP_USER_TIMEOUT, 5000, 6000},
    {"notsent_lowat", IPPROTO_TCP, TCP_NOTSENT_LOWAT, 16384, 8192},
    {"fastopen", IPPROTO_TCP, TCP_FASTOPEN, 16, 3},
    {"no_cookie", IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1, 0},
    {"save_syn", IPPROTO_TCP, TCP_SAVE_SYN, 1, 0},
    {"inq", IPPROTO_TCP, TCP_INQ, 1, 0},
    {"pacing", SOL_SOCKET, SO_MAX_PACING_RATE, 100000, 50000},
};

enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };

static volatile sig_atomic_t asked;
static int sets[2] = {-1, -1};

static __attribute__((noreturn)) void die(const char *what)
{
    fprintf(stderr, "adoption: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void ask(int signal)
{
    (void)signal;
    asked = 1;
}

static void set_options(int fd, bool spoilt)
{
    struct linger linger = {1, spoilt ? 3 : 7};
    struct timeval receive = {spoilt ? 4 : 60, 0};
    struct timeval send = {spoilt ? 5 : 90, 0};

    for (size_t i = 0; i < NUMBERS; i++) {
        int value = spoilt ? numbers[i].spoilt : numbers[i].rich;

        if (setsockopt(fd, numbers[i].level, numbers[i].option, &value, sizeof(value)) == -1)
            die(numbers[i].name);
    }
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &receive, sizeof(receive));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &send, sizeof(send));
    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, spoilt ? "cubic" : "reno", 5);
}

static void print_options(int fd)
{
    struct linger linger = {0, 0};
    struct timeval receive = {0, 0};
    struct timeval send = {0, 0};
    char congestion[32] = "";
    socklen_t length;
    int lock = -1;

    for (size_t i = 0; i < NUMBERS; i++) {
        int value = -1;

        length = sizeof(value);
        getsockopt(fd, numbers[i].level, numbers[i].option, &value, &length);
        printf("%s %d\n", numbers[i].name, value);
    }
    length = sizeof(linger);
    getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &length);
    if (!linger.l_onoff)
        linger.l_linger = 0; /* Linux keeps the seconds of a linger that is switched off */
    length = sizeof(receive);
    getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &receive, &length);
    length = sizeof(send);
    getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &send, &length);
    length = sizeof(congestion) - 1;
    getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, &length);
    length = sizeof(lock);
    getsockopt(fd, SOL_SOCKET, BUF_LOCK, &lock, &length);
    printf("linger %d %d\ntimeouts %ld %ld\ncongestion %s\nbuffers locked %d\n", linger.l_onoff,
           linger.l_linger, (long)receive.tv_sec, (long)send.tv_sec, congestion, lock);
}

static ino_t inode_of(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

/* proc(5): "tfd: 40 events: 19 data: 1122334455667788 pos:0 ino:… sdev:…"; the inode changes. */
static void print_registrations(int set)
{
    char path[64];
    char line[256];
    FILE *file;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", set);
    file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "tfd:", 4) == 0)
            printf("%.*s\n", (int)(strstr(line, " pos:") - line), line);
    }
    if (file != NULL)
        fclose(file);
}

static void print_state(int fd, int second)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof(info);

    getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length);
    printf("state of %d\n", fd);
    printf("close on exec %d\nnon-blocking %d\nbacklog %u\n", fcntl(fd, F_GETFD) & FD_CLOEXEC,
           (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0, info.tcpi_sacked);
    if (second != -1)
        printf("second %d, close on exec %d, the same %d\n", second,
               fcntl(second, F_GETFD) & FD_CLOEXEC, inode_of(fd) == inode_of(second));
    print_options(fd);
    print_registrations(sets[0]);
    if (second != -1)
        print_registrations(sets[1]);
    printf("end of state\n");
    fflush(stdout);
}

static void watch(int set, int fd, uint32_t events, uint64_t data)
{
    struct epoll_event event = {.events = events, .data.u64 = data};

    if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == -1)
        die("epoll_ctl");
}

static void answer(int listener)
{
    char line[128];
    int client = accept4(listener, NULL, NULL, 0);
    ssize_t length = client == -1 ? -1 : recv(client, line, sizeof(line) - 1, 0);

    if (length > 4) {
        line[length] = '\0';
        line[strcspn(line, "\n")] = '\0';
        dprintf(client, "1 %d %s\n", (int)getpid(), line + 4);
    }
    if (client != -1)
        close(client);
}

static void read_variant(const char *path, char variant[32])
{
    FILE *file = fopen(path, "r");

    if (file == NULL || fgets(variant, 32, file) == NULL)
        die(path);
    variant[strcspn(variant, "\n")] = '\0';
    fclose(file);
}

static __attribute__((noreturn)) void serve(int fd, int second)
{
    struct sigaction action = {.sa_handler = ask};

    sigaction(SIGUSR1, &action, NULL);
    for (;;) {
        struct epoll_event event;
        int count = epoll_wait(sets[0], &event, 1, -1);

        if (asked) {
            asked = 0;
            print_state(fd, second);
        }
        if (count == 1)
            answer(event.data.u64 == (uint64_t)fd ? (int)event.data.u64 : fd);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char variant[32] = "";
    int second = -1;
    bool rich;
    int fd;

    if (argc != 3)
        return 2;
    address.sin_port = htons((uint16_t)atoi(argv[1]));
    read_variant(argv[2], variant);
    rich = strcmp(variant, "plain") != 0;
    sets[0] = epoll_create1(EPOLL_CLOEXEC);
    sets[1] = epoll_create1(EPOLL_CLOEXEC);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (rich) {
        fd = dup2(fd, RICH_NUMBER);
        second = dup2(fd, SECOND_NUMBER);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        fcntl(fd, F_SETFL, O_NONBLOCK);
        set_options(fd, false);
        watch(sets[0], fd, EPOLLIN, 0x1122334455667788);
        watch(sets[1], second, EPOLLIN | EPOLLET | EPOLLRDHUP, 0x99);
    } else {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
        watch(sets[0], fd, EPOLLIN, 7);
    }
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == -1)
        die("bind");
    if (listen(fd, rich ? 77 : 33) == -1)
        die("listen");
    if (strcmp(variant, "spoil") == 0) {
        set_options(fd, true);
        fcntl(fd, F_SETFL, 0);
        listen(fd, 5);
        return 9;
    }
    print_state(fd, second);
    serve(fd, second);
}
