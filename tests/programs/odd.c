/*
 * A server with odd habits, one an option. It knows nothing of us either, and speaks the line
 * protocol of tests/servers: "GET <token>\n" is answered by "<version> <pid> <token>\n".
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char usage[] =
    "usage: odd --port N [--version-file F] [habits]\n"
    "\n"
    "  --close-all      closes every descriptor above stderr before socket()\n"
    "  --block-all      blocks all signals as soon as it listens\n"
    "  --reset-signals  sets every signal to its default as soon as it listens\n"
    "  --tell-signals   prints the signals that it catches, and goes on\n"
    "  --stop-on N      prints that signal, and exits with status 0\n"
    "  --ignore N       ignores that signal\n"
    "  --child          leaves a child behind that ignores SIGTERM and does nothing\n"
    "  --untitled       goes to the background, having written over its environment\n"
    "  --master         a worker serves; SIGUSR1 to the master is SIGHUP to the worker\n"
    "  --chroot DIR     as soon as it listens; version files are read before\n"
    "  --sandbox        a child for each client, which may but read, write and exit\n"
    "  --keep-listener  that child does not close the listener\n"
    "  --uid N          as soon as it listens\n"
    "  --no-accept F    never accepts if the file F exists: clients stay queued\n"
    "  --fail-if F      exits with status 1 once it listens, if the file F exists\n";

static struct {
    int port;
    const char *version_file;
    int close_all, block_all, reset_signals, tell_signals, child, master, untitled, sandbox;
    int keep_listener;
    int stop_on, ignore, uid;
    const char *root;
    const char *no_accept;
    const char *fail_if;
} options;

static char version[64] = "1";
static volatile pid_t worker;

static __attribute__((noreturn)) void die(const char *what)
{
    fprintf(stderr, "odd: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void read_options(int argc, char **argv)
{
    static const struct option table[] = {{"port", required_argument, NULL, 'p'},
                                          {"version-file", required_argument, NULL, 'v'},
                                          {"stop-on", required_argument, NULL, 's'},
                                          {"ignore", required_argument, NULL, 'i'},
                                          {"chroot", required_argument, NULL, 'c'},
                                          {"uid", required_argument, NULL, 'u'},
                                          {"close-all", no_argument, &options.close_all, 1},
                                          {"block-all", no_argument, &options.block_all, 1},
                                          {"reset-signals", no_argument, &options.reset_signals, 1},
                                          {"tell-signals", no_argument, &options.tell_signals, 1},
                                          {"child", no_argument, &options.child, 1},
                                          {"master", no_argument, &options.master, 1},
                                          {"untitled", no_argument, &options.untitled, 1},
                                          {"sandbox", no_argument, &options.sandbox, 1},
                                          {"keep-listener", no_argument, &options.keep_listener, 1},
                                          {"no-accept", required_argument, NULL, 'n'},
                                          {"fail-if", required_argument, NULL, 'f'},
                                          {NULL, 0, NULL, 0}};
    int found;

    while ((found = getopt_long(argc, argv, "", table, NULL)) != -1) {
        switch (found) {
        case 'p':
            options.port = atoi(optarg);
            break;
        case 'v':
            options.version_file = optarg;
            break;
        case 's':
            options.stop_on = atoi(optarg);
            break;
        case 'i':
            options.ignore = atoi(optarg);
            break;
        case 'c':
            options.root = optarg;
            break;
        case 'f':
            options.fail_if = optarg;
            break;
        case 'n':
            options.no_accept = optarg;
            break;
        case 'u':
            options.uid = atoi(optarg);
            break;
        case 0:
            break;
        default:
            fputs(usage, stderr);
            exit(2);
        }
    }
}

static void read_version(void)
{
    FILE *file = options.version_file ? fopen(options.version_file, "r") : NULL;

    if (file == NULL)
        return;
    if (fgets(version, sizeof(version), file) != NULL)
        version[strcspn(version, "\n")] = '\0';
    fclose(file);
}

/* "signal N value V from P": only what a handler may call. */
static void tell(int number, siginfo_t *info, void *context)
{
    int saved = errno;
    char line[64];
    int length = snprintf(line, sizeof(line), "signal %d value %d\n", number,
                          info->si_code == SI_QUEUE ? info->si_value.sival_int : 0);

    (void)context;
    if (write(STDOUT_FILENO, line, (size_t)length) == -1)
        _exit(1);
    if (number == options.stop_on)
        _exit(0);
    if (number == SIGUSR1 && worker > 0)
        kill(worker, SIGHUP);
    errno = saved;
}

static void catch_signal(int number)
{
    struct sigaction action = {.sa_sigaction = tell, .sa_flags = SA_SIGINFO | SA_RESTART};

    sigfillset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

static void catch_signals(void)
{
    for (int i = 1; options.tell_signals && i < NSIG; i++) {
        if (i != SIGTERM && i != SIGSEGV && i != SIGCHLD)
            catch_signal(i);
    }
    if (options.stop_on)
        catch_signal(options.stop_on);
    if (options.master)
        catch_signal(SIGUSR1);
    if (options.ignore)
        signal(options.ignore, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
}

static int open_listener(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)options.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd == -1)
        die("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == -1)
        die("bind");
    if (listen(fd, 128) == -1)
        die("listen");
    return fd;
}

static void drop_privileges(void)
{
    if (options.root && (chroot(options.root) == -1 || chdir("/") == -1))
        die("chroot");
    if (options.uid && (setgroups(0, NULL) == -1 || setgid((gid_t)options.uid) == -1 ||
                        setuid((uid_t)options.uid) == -1))
        die("setuid");
}

static void turn_off_signals(void)
{
    sigset_t all;

    for (int i = 1; options.reset_signals && i < NSIG; i++) {
        if (i != SIGPIPE)
            signal(i, SIG_DFL);
    }
    sigfillset(&all);
    sigdelset(&all, SIGTERM);
    if (options.block_all)
        sigprocmask(SIG_SETMASK, &all, NULL);
}

static void *serve_client(void *argument)
{
    int fd = (int)(intptr_t)argument;
    FILE *stream = fdopen(fd, "r+");
    char line[128];

    while (stream != NULL && fgets(line, sizeof(line), stream) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "GET ", 4) != 0)
            break;
        dprintf(fd, "%s %d %s\n", version, (int)getpid(), line + 4);
    }
    if (stream != NULL)
        fclose(stream);
    return NULL;
}

/* seccomp(2), strict mode: any other system call ends the process. */
static void serve_in_sandbox(int listener, int client)
{
    if (fork() == 0) {
        char line[256];
        ssize_t length;

        if (!options.keep_listener)
            close(listener);
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
        while ((length = read(client, line, sizeof(line))) > 0 &&
               write(client, line, (size_t)length) == length)
            ;
        syscall(SYS_exit, 0);
    }
    close(client);
}

static __attribute__((noreturn)) void serve(int listener)
{
    struct pollfd look = {.fd = listener, .events = POLLIN};
    pthread_t thread;

    if (options.no_accept && access(options.no_accept, F_OK) == 0) {
        poll(&look, 1, 0);
        for (;;)
            pause();
    }
    for (;;) {
        int client = accept(listener, NULL, NULL);

        if (client == -1) {
            perror("odd: accept"); /* blocking, and handlers restart: it has no reason to fail */
            exit(3);
        }
        if (options.sandbox)
            serve_in_sandbox(listener, client);
        else if (pthread_create(&thread, NULL, serve_client, (void *)(intptr_t)client) == 0)
            pthread_detach(thread);
    }
}

/* As a process does that writes its title where its arguments and environment were. */
static void go_to_background(void)
{
    if (!options.untitled)
        return;
    for (char **variable = environ; *variable != NULL; variable++)
        memset(*variable, 'x', strlen(*variable));
    if (fork() > 0)
        _exit(0);
}

static void start_child(void)
{
    if (!options.child || fork() != 0)
        return;
    signal(SIGTERM, SIG_IGN);
    for (;;)
        pause();
}

/* The worker says that it got the master's signal, and goes on. */
static __attribute__((noreturn)) void be_master(int listener)
{
    pid_t child = fork();

    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        catch_signal(SIGHUP);
        serve(listener);
    }
    worker = child;
    close(listener);
    while (waitpid(child, NULL, 0) == -1 && errno == EINTR)
        ;
    exit(0);
}

int main(int argc, char **argv)
{
    int listener;

    read_options(argc, argv);
    read_version();
    for (int fd = 3; options.close_all && fd < 1024; fd++)
        close(fd);
    catch_signals();
    go_to_background();
    listener = open_listener();
    if (options.fail_if && access(options.fail_if, F_OK) == 0)
        exit(1);
    drop_privileges();
    start_child();
    turn_off_signals();
    if (options.master)
        be_master(listener);
    serve(listener);
}
