/*
 * A server whose threads accept, while its main thread does what it is told, a word at a time: by
 * its arguments, then by what it reads from a FIFO. It says "done WORD" after each.
 *
 *     threads PORT FIFO [WORD]...
 *
 * It speaks the line protocol of tests/servers: "GET <token>\n" is answered by
 * "1 <pid> <token>\n".
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int listener;
static pthread_t last;

static void serve_client(int client)
{
    char line[128];
    size_t length = 0;

    while (length < sizeof(line) && read(client, line + length, 1) == 1) {
        if (line[length++] != '\n')
            continue;
        line[length - 1] = '\0';
        dprintf(client, "1 %d %s\n", (int)getpid(), strncmp(line, "GET ", 4) ? "" : line + 4);
        length = 0;
    }
    close(client);
}

static void *accept_clients(void *argument)
{
    int client;

    (void)argument;
    while ((client = accept(listener, NULL, NULL)) != -1)
        serve_client(client);
    return NULL;
}

static void *do_nothing(void *argument)
{
    pause();
    return argument;
}

static void start_thread(void)
{
    pthread_create(&last, NULL, accept_clients, NULL);
}

/* As libraries start threads that are to take no signal. */
static void start_masked_thread(void)
{
    pthread_attr_t attributes;
    sigset_t all;

    sigfillset(&all);
    pthread_attr_init(&attributes);
#ifdef __GLIBC__
    pthread_attr_setsigmask_np(&attributes, &all);
#endif
    pthread_create(&last, &attributes, accept_clients, NULL);
}

/*
 * Each thread in accept() has a descriptor's number reserved. So that the next free ones are the
 * numbers of threads in accept(), in a namespace where the first process is 1, some more threads.
 */
static void crowd(void)
{
    for (int i = 0; i < 20; i++)
        pthread_create(&last, NULL, do_nothing, NULL);
    for (int i = 0; i < 40; i++)
        start_thread();
}

static void replace_thread(void)
{
    pthread_cancel(last);
    pthread_join(last, NULL);
    start_thread();
}

static void use_number_again(void)
{
    int other = socket(AF_INET, SOCK_DGRAM, 0);

    dup2(other, listener);
    close(other);
}

static void set_nonblocking(void)
{
    fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) | O_NONBLOCK);
}

static void set_timeout(void)
{
    struct timeval time = {.tv_usec = 250000};

    setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
}

static void on_signal(int number)
{
    (void)number;
}

static void catch_signal(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigaction(SIGUSR1, &action, NULL);
}

static void catch_and_restart(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct sigaction other = {.sa_handler = on_signal};

    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR2, &other, NULL);
}

static void on_tick(int number)
{
    static const char line[] = "ticked\n";

    (void)number;
    if (write(STDOUT_FILENO, line, sizeof(line) - 1) == -1)
        _exit(1);
}

static void tick(void)
{
    struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGHUP};
    struct itimerspec soon = {.it_value = {.tv_nsec = 1}};
    timer_t timer;

    sigaction(SIGHUP, &action, NULL);
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
        timer_settime(timer, 0, &soon, NULL);
}

static void try_accept(void)
{
    struct timespec begin;
    struct timespec end;
    int client;

    printf("tries\n");
    fflush(stdout);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    client = accept(listener, NULL, NULL);
    if (client == -1)
        printf("accept: %s\n", strerrorname_np(errno));
    else
        printf("accept: a client\n");
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("tenths of a second: %d\n", (int)((double)(end.tv_sec - begin.tv_sec) * 10 +
                                             (double)(end.tv_nsec - begin.tv_nsec) / 1e8));
    fflush(stdout);
    if (client != -1)
        serve_client(client);
}

/* A child that has not called anything of interest yet, but vfork(). */
static void start_worker(void)
{
    pid_t child;

    if (fork() != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    child = vfork(); // NOLINT(clang-analyzer-security.insecureAPI.vfork): the point of it
    if (child == 0) {
        signal(SIGHUP, SIG_DFL); // NOLINT(clang-analyzer-unix.Vfork): as programs do
        execl("/bin/true", "true", (char *)NULL);
        _exit(1);
    }
    waitpid(child, NULL, 0);
    printf("done vfork\n");
    fflush(stdout);
    accept_clients(NULL);
    exit(0);
}

static void use_up_descriptors(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 64;
    setrlimit(RLIMIT_NOFILE, &limit);
    while (dup(listener) != -1)
        ;
}

static void leave_four_descriptors(void)
{
    use_up_descriptors();
    for (int fd = 60; fd < 64; fd++)
        close(fd);
}

static void free_descriptors(void)
{
    for (int fd = listener + 1; fd < 64; fd++)
        close(fd);
}

static void look(void)
{
    struct pollfd client = {.fd = listener, .events = POLLIN};

    poll(&client, 1, 0);
}

static void listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) == -1 ||
        listen(listener, 64) == -1) {
        perror("threads: bind, listen");
        exit(1);
    }
}

/* As pthread_exit(3) allows main(). The FIFO is read by nobody from then on. */
static void end_main_thread(void)
{
    printf("done leave\n");
    fflush(stdout);
    pthread_exit(NULL);
}

static const struct word {
    const char *name;
    void (*obey)(void);
} words[] = {
    {"accept", start_thread},        /* one more thread that accepts */
    {"masked", start_masked_thread}, /* the same, and it begins with all signals blocked */
    {"replace", replace_thread},     /* the last of these is cancelled, and another one started */
    {"again", use_number_again},     /* the listener's number is another socket's */
    {"nonblock", set_nonblocking},   /* the listener does not block */
    {"timeout", set_timeout},        /* 250 ms for accept() */
    {"catch", catch_signal},         /* SIGUSR1, which interrupts system calls */
    {"restart", catch_and_restart},  /* the same, and they are restarted; not after SIGUSR2 */
    {"tick", tick},                  /* a timer sends SIGHUP, which it catches */
    {"try", try_accept},             /* in the main thread */
    {"worker", start_worker},        /* a child that starts another program, and accepts */
    {"full", use_up_descriptors},
    {"tight", leave_four_descriptors},
    {"free", free_descriptors},
    {"look", look},             /* poll(), which does not wait */
    {"leave", end_main_thread}, /* the threads stay */
    {"crowd", crowd},           /* forty more, and some that do not */
};

static void do_as_told(const char *name)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i].name, name) == 0)
            words[i].obey();
    }
    printf("done %s\n", name);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    char word[64];
    FILE *fifo;

    if (argc < 3)
        return 2;
    listen_on(atoi(argv[1]));
    for (int i = 3; i < argc; i++)
        do_as_told(argv[i]);
    fifo = fopen(argv[2], "r+"); /* both ways: it never ends */
    if (fifo == NULL)
        return 1;
    while (fscanf(fifo, "%63s", word) == 1)
        do_as_told(word);
    return 1;
}
