/*
 * A server that is watched from outside, with a worker of the user nobody that has been taken over:
 *
 *     hostile PORT VERSION-FILE WHAT
 *
 * The server answers "VERSION PID TOKEN". Its worker holds the listener, too, and does WHAT, unless
 * the file `calm` is there:
 *
 *     calls    many threads unlink a path that is not there, without an end
 *     dying    children end in the middle of their calls, again and again; "done", and it stays
 *     lengths  addresses and paths that are too long, or not there: "same" if each call fails as
 *              the kernel has it
 *     page     unlinks a path in a page that never comes
 *     linger   binds sockets that take 1,000 s to close, and closes them meanwhile
 *     fault    waits in accept(), where it may not run any code
 *     asleep   children hold the listener, and sleep where no signal wakes them
 *     crowd    has very many threads, and numbers that lead to the listener
 *     flips    binds sockets of its own to an address that another thread changes to the server's
 *     claims   is refused the server's address, and listens on a port of the kernel's choice
 *     heir     binds the server's address, and listens: "got" or "refused"
 *     holds    holds the listener, and nothing else
 *
 * It prints "does" when it has begun.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    NOBODY = 65534,
    CALLERS = 16,
    CHILDREN = 30,
    ROUNDS = 300,
    FEW_ROUNDS = 100,
    MANY = 3000,
    PAGE = 4096
};

static int listener;
static struct sockaddr_in service = {.sin_family = AF_INET};

static void say(const char *word)
{
    puts(word);
    fflush(stdout);
}

static void start_thread(void *(*run)(void *), void *argument)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, run, argument) != 0)
        exit(1);
}

static _Noreturn void stay(void)
{
    for (;;)
        pause();
}

/* A child dies with its parent, whoever that is. */
static pid_t fork_child(void)
{
    pid_t parent = getpid();
    pid_t child = fork();

    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(0);
    }
    return child;
}

/* ---- calls ---- */

static void *call_on(void *path)
{
    for (;;)
        unlink(path);
    return NULL;
}

static void calls(void)
{
    for (int i = 0; i < CALLERS; i++)
        start_thread(call_on, "not-there");
    say("does");
    stay();
}

static void dying(void)
{
    say("does");
    for (int i = 0; i < ROUNDS; i++) {
        pid_t child = fork_child();

        if (child == 0) {
            struct sockaddr_in any = {.sin_family = AF_INET};

            for (int k = 0; k < 2; k++)
                start_thread(call_on, "not-there");
            for (;;)
                (void)bind(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&any, sizeof any);
        }
        usleep((useconds_t)(i % 50) * 20);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    say("done");
    stay();
}

static int wrong;

static void expect(const char *what, int result, int error)
{
    if (result == -1 && errno == error)
        return;
    printf("%s: %d, %s\n", what, result, strerror(errno));
    wrong = 1;
}

static void lengths(void)
{
    char *end =
        (char *)mmap(NULL, 2L * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) +
        PAGE;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    static char path[PATH_MAX + 2];

    munmap(end, PAGE);
    memset(path, 'x', PATH_MAX + 1);
    memset(end - 3, 'x', 3);
    say("does");
    expect("bind -1", bind(fd, (struct sockaddr *)&service, (socklen_t)-1), EINVAL);
    expect("bind INT_MAX", bind(fd, (struct sockaddr *)&service, INT_MAX), EINVAL);
    expect("bind 0", bind(fd, (struct sockaddr *)&service, 0), EINVAL);
    expect("bind 1", bind(fd, (struct sockaddr *)&service, 1), EINVAL);
    expect("bind past", bind(fd, (struct sockaddr *)(end - 2), sizeof service), EFAULT);
    expect("bind 8", bind(fd, (struct sockaddr *)8, sizeof service), EFAULT);
    expect("bind -1 fd", bind(-1, (struct sockaddr *)&service, sizeof service), EBADF);
    expect("bind null",
           bind(open("/dev/null", O_RDWR), (struct sockaddr *)&service, sizeof service), ENOTSOCK);
    expect("listen -1", listen(-1, 0x74667073), EBADF);
    expect("unlink long", unlink(path), ENAMETOOLONG);
    expect("unlink past", unlink(end - 3), EFAULT);
    expect("unlink 8", unlink((char *)8), EFAULT);
    expect("unlink kernel", unlink((char *)(uintptr_t)0xffffffffff600000u), EFAULT);
    expect("unlinkat -1", unlinkat(-1, "x", 0), EBADF);
    say(wrong ? "other" : "same");
    stay();
}

/* ---- what holds up who looks ---- */

/* userfaultfd(2): opened by root, as before privileges are dropped; nobody ever fills the page. */
static void *page_that_never_comes(int fault)
{
    struct uffdio_api api = {.api = UFFD_API};
    char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register range = {.range = {(uintptr_t)page, PAGE},
                                    .mode = UFFDIO_REGISTER_MODE_MISSING};

    if (fault == -1 || ioctl(fault, UFFDIO_API, &api) == -1 ||
        ioctl(fault, UFFDIO_REGISTER, &range) == -1) {
        say("none");
        exit(0);
    }
    return page;
}

static int user_fault = -1;

static void page(void)
{
    void *path = page_that_never_comes(user_fault);

    start_thread(call_on, path);
    say("does");
    stay();
}

static void *bind_there(void *fd)
{
    (void)bind((int)(intptr_t)fd, (struct sockaddr *)&service, sizeof service);
    return NULL;
}

static void nothing(int number)
{
    (void)number;
}

/* Its queue is full, and nobody reads from the other end: SO_LINGER has its last close(2) wait. */
static int open_lingering(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct linger linger = {1, 1000};
    socklen_t length = sizeof address;
    static const char bytes[65536];
    int one = socket(AF_INET, SOCK_STREAM, 0);
    int other = socket(AF_INET, SOCK_STREAM, 0);

    /* by listen(2) alone, which binds it */
    listen(one, 1);
    getsockname(one, (struct sockaddr *)&address, &length);
    (void)connect(other, (struct sockaddr *)&address, length);
    accept(one, NULL, NULL);
    close(one);
    while (send(other, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        ;
    setsockopt(other, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    return other;
}

static void linger(void)
{
    const struct itimerval often = {{0, 5000}, {0, 5000}};
    struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};

    sigaction(SIGALRM, &action, NULL); /* where it is this process that closes the last one */
    setitimer(ITIMER_REAL, &often, NULL);
    say("does");
    for (int i = 0; i < FEW_ROUNDS; i++) {
        int fd = open_lingering();

        start_thread(bind_there, (void *)(intptr_t)fd);
        usleep((useconds_t)(i % 10) * 20);
        close(fd);
    }
    say("done");
    stay();
}

#if defined(__x86_64__)
/* accept(rdi, 0, 0); ret */
static const unsigned char code[] = {0xb8, SYS_accept, 0,    0,    0,    0x31,
                                     0xf6, 0x31,       0xd2, 0x0f, 0x05, 0xc3};
static void *code_page;

static void *accept_there(void *unused)
{
    (void)unused;
    ((int (*)(int))(uintptr_t)code_page)(listener);
    return NULL;
}

static void fault(void)
{
    code_page =
        mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(code_page, code, sizeof code);
    start_thread(accept_there, NULL);
    usleep(100000); /* by now it is there; if it is not, it does no harm */
    mprotect(code_page, PAGE, PROT_READ);
    say("does");
    for (;;)
        sched_yield(); /* whoever runs is the last to be stopped */
}
#else
static void fault(void)
{
    say("none");
    exit(0);
}
#endif

/* vfork(2): a parent waits in state D until its child executes something, or ends. */
static void asleep(void)
{
    for (int i = 0; i < CHILDREN; i++)
        if (fork_child() == 0) {
            if (vfork() == 0) {  // NOLINT: its parent is to wait
                close(listener); // NOLINT
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                stay();
            }
            _exit(0);
        }
    close(listener);
    say("does");
    stay();
}

static void *sleep_there(void *unused)
{
    (void)unused;
    for (;;)
        pause();
    return NULL;
}

static void crowd(void)
{
    struct rlimit limit;
    pthread_attr_t small;
    pthread_t thread;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < MANY + 64 ? limit.rlim_max : MANY + 64;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; i < MANY && dup(listener) != -1; i++)
        ;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64L * 1024);
    for (int i = 0; i < MANY && pthread_create(&thread, &small, sleep_there, NULL) == 0; i++)
        ;
    say("does");
    stay();
}

/* ---- what is not its own ---- */

static struct sockaddr_in flipping;

static void *flip(void *port)
{
    for (;;) {
        flipping.sin_port = service.sin_port;
        flipping.sin_port = *(in_port_t *)port;
    }
    return NULL;
}

static int open_socket(void)
{
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    return fd;
}

static void flips(void)
{
    struct sockaddr_in own = service;
    socklen_t length = sizeof own;
    int fd = open_socket();

    own.sin_port = 0;
    (void)bind(fd, (struct sockaddr *)&own, sizeof own);
    getsockname(fd, (struct sockaddr *)&own, &length);
    close(fd);
    flipping = service;
    start_thread(flip, &own.sin_port);
    for (int i = 0; i < ROUNDS; i++) {
        fd = open_socket();
        if (bind(fd, (struct sockaddr *)&flipping, sizeof flipping) == -1 || i + 1 < ROUNDS)
            close(fd);
        else
            listen(fd, 7);
    }
    say("does");
    stay();
}

static void claims(void)
{
    for (int i = 0; i < 3; i++) {
        int fd = open_socket();

        (void)bind(fd, (struct sockaddr *)&service, sizeof service);
        listen(fd, 7);
    }
    say("does");
    stay();
}

static void heir(void)
{
    int fd = open_socket();

    /* its server has the address already, and its own listener does not help it */
    close(listener);
    say(bind(fd, (struct sockaddr *)&service, sizeof service) == 0 ? "got" : "refused");
    say("does");
    stay();
}

static void holds(void)
{
    say("does");
    stay();
}

static const struct {
    const char *name;
    void (*act)(void);
} acts[] = {{"calls", calls},   {"dying", dying}, {"lengths", lengths}, {"page", page},
            {"linger", linger}, {"fault", fault}, {"asleep", asleep},   {"flips", flips},
            {"claims", claims}, {"heir", heir},   {"crowd", crowd},     {"holds", holds}};

static void work(const char *what)
{
    user_fault = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
    if (setgroups(0, NULL) == -1 || setgid(NOBODY) == -1 || setuid(NOBODY) == -1)
        exit(1);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* setuid(2) has cleared it */
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (strcmp(acts[i].name, what) == 0)
            acts[i].act();
}

/* ---- the server ---- */

static void answer(int client, const char *version)
{
    char question[128];
    char token[64];
    ssize_t size = read(client, question, sizeof question - 1);

    if (size > 0) {
        question[size] = '\0';
        if (sscanf(question, "GET %63s", token) == 1)
            dprintf(client, "%s %d %s\n", version, getpid(), token);
    }
    close(client);
}

int main(int argc, char **argv)
{
    char version[32] = "";
    FILE *file;

    if (argc != 4 || !(file = fopen(argv[2], "r")) || fscanf(file, "%31s", version) != 1)
        return 2;
    fclose(file);
    service.sin_port = htons((in_port_t)atoi(argv[1]));
    service.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = open_socket();
    if (bind(listener, (struct sockaddr *)&service, sizeof service) == -1 ||
        listen(listener, 64) == -1)
        return 1;
    if (access("calm", F_OK) == -1 && fork_child() == 0)
        work(argv[3]);
    for (;;) {
        int client = accept(listener, NULL, NULL);

        if (client != -1)
            answer(client, version);
    }
}
