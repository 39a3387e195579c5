/*
 * From argv to listening sockets, with every way to fail on the way that a test may ask for.
 * The order is that of most servers: settings, signals, sockets, pidfile, ready.
 */
#include "common.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

void die(int status, const char *format, ...)
{
    char message[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, message);
    exit(status);
}

int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void pause_ms(int ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

bool may_repeat(const char *call)
{
    if (settings.strict && errno == EINTR)
        die(1, "%s: %s", call, strerror(errno));
    return errno == EINTR;
}

void survive_failed_wait(const char *call)
{
    if (errno != EINTR || (settings.strict && !settings.hup_handler))
        die(1, "%s: %s", call, strerror(errno));
}

void wait_for_file(const char *path)
{
    if (access(path, F_OK) == 0)
        return;
    printf("waits for %s\n", path);
    fflush(stdout);
    while (access(path, F_OK) != 0)
        pause_ms(10);
}

void survive_failed_epoll_wait(void)
{
    if (errno != EINTR || settings.untraced)
        survive_failed_wait("epoll_wait");
}

void set_handler(int signal, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};

    sigemptyset(&action.sa_mask);
    if (sigaction(signal, &action, NULL) != 0)
        die(1, "sigaction(%s): %s", strsignal(signal), strerror(errno));
}

/* What a predecessor has left behind, as such servers do. */
static int unlink_path(const struct address *address)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&address->sockaddr;

    if (un->sun_path[0] == '\0')
        return 0;
    return unlink(un->sun_path) != 0 && errno != ENOENT ? -1 : 0;
}

static void end_at_once(int signal)
{
    (void)signal;
    for (int i = 0; i < settings.addresses; i++)
        if (settings.address[i].sockaddr.ss_family == AF_UNIX)
            unlink_path(&settings.address[i]);
    _exit(settings.term_status);
}

void say_own_hup_handler(void)
{
    static const char words[] = "own HUP handler\n";
    ssize_t written = write(STDOUT_FILENO, words, sizeof(words) - 1);

    (void)written;
}

static void on_hup(int signal)
{
    int saved_errno = errno;

    (void)signal;
    say_own_hup_handler();
    errno = saved_errno;
}

/* Unblocked first, because thread.c blocks every signal, and a raised one would only be pending. */
static void crash(void)
{
    sigset_t segv;

    sigemptyset(&segv);
    sigaddset(&segv, SIGSEGV);
    pthread_sigmask(SIG_UNBLOCK, &segv, NULL);
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
}

static void misbehave_before_bind(void)
{
    if (settings.start_when)
        wait_for_file(settings.start_when);
    if (settings.exit_at_start >= 0)
        exit(settings.exit_at_start);
    if (settings.crash)
        crash();
    while (settings.hang)
        pause();
    pause_ms(settings.start_delay);
}

static void set_option(int fd, int level, int option, const char *name)
{
    if (setsockopt(fd, level, option, &(int){1}, sizeof(int)) != 0)
        die(1, "setsockopt(%s): %s", name, strerror(errno));
}

static int bind_listener(const struct address *address, bool nonblocking)
{
    int family = address->sockaddr.ss_family;
    int fd = socket(family, SOCK_STREAM | (nonblocking ? SOCK_NONBLOCK : 0), 0);

    if (fd < 0)
        die(1, "socket: %s", strerror(errno));
    if (family != AF_UNIX)
        set_option(fd, SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR");
    if (settings.reuseport && family != AF_UNIX)
        set_option(fd, SOL_SOCKET, SO_REUSEPORT, "SO_REUSEPORT");
    if (family == AF_INET6)
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY");
    if (family == AF_UNIX && unlink_path(address) != 0)
        die(1, "unlink: %s", strerror(errno));
    if (bind(fd, (const struct sockaddr *)&address->sockaddr, address->length) != 0)
        die(1, "bind: %s", strerror(errno));
    return fd;
}

static struct listeners open_listeners(bool nonblocking)
{
    struct listeners listeners = {.count = settings.addresses, .nonblocking = nonblocking};

    for (int i = 0; i < listeners.count; i++)
        listeners.fd[i] = bind_listener(&settings.address[i], nonblocking);
    pause_ms(settings.listen_delay);
    for (int i = 0; i < listeners.count; i++) {
        if (listen(listeners.fd[i], settings.backlog) != 0)
            die(1, "listen: %s", strerror(errno));
    }
    return listeners;
}

/* As servers do that are started by root: the sockets first, then as little as possible. */
static void drop_privileges(void)
{
    if (settings.chroot != NULL && (chroot(settings.chroot) != 0 || chdir("/") != 0))
        die(1, "chroot %s: %s", settings.chroot, strerror(errno));
    if (settings.user != 0 &&
        (setgid((gid_t)settings.user) != 0 || setuid((uid_t)settings.user) != 0))
        die(1, "setuid %d: %s", settings.user, strerror(errno));
}

static void write_pidfile(const char *path)
{
    FILE *file = fopen(path, "we");

    if (file == NULL)
        die(1, "%s: %s", path, strerror(errno));
    fprintf(file, "%d\n", (int)getpid());
    if (fclose(file) != 0)
        die(1, "%s: %s", path, strerror(errno));
}

static void print_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } address = {.any = {0}};
    socklen_t length = sizeof(address);

    if (getsockname(fd, &address.any, &length) != 0)
        die(1, "getsockname: %s", strerror(errno));
    printf("port %d\n",
           ntohs(address.any.sa_family == AF_INET ? address.in.sin_port : address.in6.sin6_port));
}

/* The ports come last: who reads them may rely on all the rest. */
static void announce(const struct listeners *listeners)
{
    if (settings.hup_handler)
        set_handler(SIGHUP, on_hup);
    if (settings.pidfile != NULL)
        write_pidfile(settings.pidfile);
    for (int i = 0; settings.print_port && i < listeners->count; i++)
        print_port(listeners->fd[i]);
    fflush(stdout);
    if (settings.exit_after_listen >= 0)
        exit(settings.exit_after_listen);
}

static bool want_nonblocking(enum listener_mode mode)
{
    if (mode == ALWAYS_NONBLOCKING && settings.nonblock == 0)
        die(2, "--block: this server accepts until EAGAIN, and would wait for ever");
    if (settings.nonblock != AS_THE_SERVER_LIKES)
        return settings.nonblock == 1;
    return mode != BLOCKING;
}

struct listeners start_server(int argc, char **argv, enum listener_mode mode)
{
    struct listeners listeners;

    read_settings(argc, argv);
    set_handler(SIGTERM, end_at_once);
    set_handler(SIGPIPE, SIG_IGN);
    misbehave_before_bind();
    settings.nonblock = want_nonblocking(mode);
    listeners = open_listeners(settings.nonblock);
    drop_privileges();
    announce(&listeners);
    return listeners;
}

bool is_listener(const struct listeners *listeners, int fd)
{
    for (int i = 0; i < listeners->count; i++) {
        if (listeners->fd[i] == fd)
            return true;
    }
    return false;
}
