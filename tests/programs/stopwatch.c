/*
 * Times that a shell cannot measure, in microseconds, one a line, for scripts/bench:
 *
 *   stopwatch run N COMMAND...            from fork() until COMMAND has ended
 *   stopwatch answer N PORT COMMAND...    from fork() until COMMAND has answered "GET x"
 *   stopwatch upgrade N COMMAND...        from SIGHUP until the helper says "ready"
 *
 * The commands run with LD_PRELOAD=$STOPWATCH_PRELOAD if that is set; we do not.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LIMIT_MS = 20000, CONNECT_PAUSE_US = 20 };

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "stopwatch: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Starts the command; what it says on stderr goes to `report`, unless that is -1. */
static pid_t start(char **command, int report)
{
    const char *preload = getenv("STOPWATCH_PRELOAD");
    pid_t pid = fork();

    if (pid == -1)
        die("fork");
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (report != -1)
        dup2(report, STDERR_FILENO);
    if (preload != NULL && *preload != '\0')
        setenv("LD_PRELOAD", preload, 1);
    execvp(command[0], command);
    die(command[0]);
}

static void end(pid_t pid)
{
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
}

static void measure_run(char **command)
{
    int64_t start_us = now_us();
    pid_t pid = start(command, -1);

    waitpid(pid, NULL, 0);
    printf("%lld\n", (long long)(now_us() - start_us));
}

static int answers(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval limit = {.tv_sec = 5};
    char answer[128];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int result;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    result = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
             write(fd, "GET x\n", 6) == 6 && read(fd, answer, sizeof(answer)) > 0;
    close(fd);
    return result;
}

static void measure_answer(int port, char **command)
{
    int64_t start_us = now_us();
    pid_t pid = start(command, -1);

    while (!answers(port)) {
        if (now_us() - start_us > LIMIT_MS * 1000LL) {
            end(pid);
            die("no answer");
        }
        usleep(CONNECT_PAUSE_US);
    }
    printf("%lld\n", (long long)(now_us() - start_us));
    end(pid);
}

/* Reads what the helper says until a line has "generation N: WORD"; false if none comes. */
static int await_line(int report, int generation, const char *word)
{
    static char text[64 * 1024];
    static size_t length;
    struct pollfd ready = {.fd = report, .events = POLLIN};
    char wanted[64];
    ssize_t size;

    snprintf(wanted, sizeof(wanted), "generation %d: %s", generation, word);
    for (;;) {
        if (strstr(text, wanted) != NULL)
            return 1;
        if (length > sizeof(text) / 2)
            length = 0;
        if (poll(&ready, 1, LIMIT_MS) != 1)
            return 0;
        size = read(report, text + length, sizeof(text) - 1 - length);
        if (size <= 0)
            return 0;
        length += (size_t)size;
        text[length] = '\0';
    }
}

static void measure_upgrades(int count, char **command)
{
    int report[2];
    pid_t pid;

    if (pipe(report) == -1)
        die("pipe");
    pid = start(command, report[1]);
    close(report[1]);
    if (!await_line(report[0], 1, "ready"))
        die("generation 1 is not ready");
    for (int generation = 2; generation < count + 2; generation++) {
        int64_t start_us = now_us();

        kill(pid, SIGHUP);
        if (!await_line(report[0], generation, "ready"))
            die("an upgrade did not end");
        printf("%lld\n", (long long)(now_us() - start_us));
        if (!await_line(report[0], generation - 1, "gone"))
            die("an old generation did not go");
    }
    end(pid);
}

int main(int argc, char **argv)
{
    int count = argc > 3 ? atoi(argv[2]) : 0;

    signal(SIGPIPE, SIG_IGN);
    if (count <= 0) {
        fprintf(stderr, "usage: stopwatch run|upgrade N COMMAND... | answer N PORT COMMAND...\n");
        return 2;
    }
    if (strcmp(argv[1], "upgrade") == 0) {
        measure_upgrades(count, argv + 3);
        return 0;
    }
    for (int i = 0; i < count; i++) {
        if (strcmp(argv[1], "answer") == 0)
            measure_answer(atoi(argv[3]), argv + 4);
        else
            measure_run(argv + 3);
    }
    return 0;
}
