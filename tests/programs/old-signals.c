/*
 * A server that uses the signal calls of System V and 4.2BSD once it listens.
 *
 *     old-signals PORT HABIT
 *
 * The habit is a call of that name, made for every signal but SIGTERM, which has to end it; or
 * "report": print what each call returns and what it leaves behind. Then it serves.
 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef void (*handler)(int);

/* By the names that libc exports: its headers hide some, rename others, and warn of the rest. */
extern handler sigset_name(int, handler) __asm__("sigset");
extern int sigignore_name(int) __asm__("sigignore");
extern int sighold_name(int) __asm__("sighold");
extern int sigrelse_name(int) __asm__("sigrelse");
extern int siginterrupt_name(int, int) __asm__("siginterrupt");
extern handler sysv_name(int, handler) __asm__("__sysv_signal");
extern handler short_sysv_name(int, handler) __asm__("sysv_signal");
extern handler bsd_name(int, handler) __asm__("bsd_signal");
extern handler svid_name(int, handler) __asm__("ssignal");
extern int block_mask(int) __asm__("sigblock");
extern int set_mask(int) __asm__("sigsetmask");
extern int pause_mask(int) __asm__("sigpause");
extern int pause_signal(int) __asm__("__xpg_sigpause");
extern int pause_either(int, int) __asm__("__sigpause");

static volatile sig_atomic_t arrived;

static void on_signal(int number)
{
    arrived = number;
}

/* One that says so, since no upgrade should call it. */
static void tell(int number)
{
    static const char line[] = "handler\n";

    (void)number;
    if (write(STDOUT_FILENO, line, sizeof(line) - 1) == -1)
        _exit(1);
}

/* ---- the habits ---- */

static void set_default(int number)
{
    sigset_name(number, SIG_DFL);
}

static void set_handler(int number)
{
    sigset_name(number, tell);
}

static void set_hold(int number)
{
    sigset_name(number, SIG_HOLD);
}

static void ignore(int number)
{
    sigignore_name(number);
}

static void hold(int number)
{
    sighold_name(number);
}

static void block(int number)
{
    if (number <= 32)
        block_mask((int)(1u << (number - 1)));
}

static void set_all(int number)
{
    (void)number;
    set_mask(~(1 << (SIGTERM - 1)));
}

static void set_sysv(int number)
{
    sysv_name(number, tell);
}

static void set_short_sysv(int number)
{
    short_sysv_name(number, tell);
}

static void set_bsd(int number)
{
    bsd_name(number, tell);
}

static void set_svid(int number)
{
    svid_name(number, tell);
}

static const struct habit {
    const char *name;
    void (*call)(int number);
} habits[] = {
    {"sigset-default", set_default},
    {"sigset-handler", set_handler},
    {"sigset-hold", set_hold},
    {"sigignore", ignore},
    {"sighold", hold},
    {"sigblock", block},
    {"sigsetmask", set_all},
    {"__sysv_signal", set_sysv},
    {"sysv_signal", set_short_sysv},
    {"bsd_signal", set_bsd},
    {"ssignal", set_svid},
};

/* ---- the report ---- */

static const char *name_of(handler value)
{
    return value == SIG_DFL     ? "default"
           : value == SIG_IGN   ? "ignore"
           : value == SIG_HOLD  ? "hold"
           : value == SIG_ERR   ? "error"
           : value == on_signal ? "handler"
                                : "something else";
}

/* What is set now, without the kernel's own flag, which libc does not always hide. */
static void print_state(int number)
{
    struct sigaction now;
    sigset_t mask;

    if (sigaction(number, NULL, &now) == 0)
        printf(" [%s %x %d]", name_of(now.sa_handler), (unsigned)now.sa_flags & ~0x04000000u,
               sigismember(&now.sa_mask, number));
    sigprocmask(SIG_BLOCK, NULL, &mask);
    printf(" blocked %d\n", sigismember(&mask, number));
}

static void print_handler(const char *call, int number, handler result)
{
    int error = errno;

    printf("%s %d: %s, errno %d", call, number, name_of(result), error);
    print_state(number);
    errno = 0;
}

static void print_int(const char *call, int number, int result)
{
    int error = errno;

    printf("%s %d: %x, errno %d", call, number, (unsigned)result, error);
    print_state(number);
    errno = 0;
}

static void report_handlers(int number)
{
    static const handler handlers[] = {on_signal, SIG_IGN, SIG_ERR, SIG_HOLD, on_signal, SIG_DFL};

    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        if (handlers[i] != SIG_ERR) /* glibc lets sigset() install it */
            print_handler("sigset", number, sigset_name(number, handlers[i]));
        if (handlers[i] == SIG_HOLD)
            continue;
        print_handler("__sysv_signal", number, sysv_name(number, handlers[i]));
        print_handler("sysv_signal", number, short_sysv_name(number, handlers[i]));
        print_handler("bsd_signal", number, bsd_name(number, handlers[i]));
        print_handler("ssignal", number, svid_name(number, handlers[i]));
    }
    print_int("sigignore", number, sigignore_name(number));
    print_handler("sigset", number, sigset_name(number, SIG_DFL));
}

static void report_masks(int number)
{
    print_int("sighold", number, sighold_name(number));
    print_int("sighold", number, sighold_name(number));
    print_handler("sigset", number, sigset_name(number, SIG_HOLD));
    print_int("sigrelse", number, sigrelse_name(number));
    print_int("sigrelse", number, sigrelse_name(number));
    if (number >= 1 && number < 32) {
        print_int("sigblock", number, block_mask((int)(1u << (number - 1))));
        print_int("sigblock", number, block_mask(0));
        print_int("sigsetmask", number, set_mask(1 << (SIGALRM - 1)));
        print_int("sigsetmask", number, set_mask(~0));
        print_int("sigsetmask", number, set_mask(0));
    }
}

/* signal() is to remember what siginterrupt() was told. */
static void report_interrupts(int number)
{
    print_int("siginterrupt", number, siginterrupt_name(number, 1));
    print_handler("signal", number, signal(number, on_signal));
    print_int("siginterrupt", number, siginterrupt_name(number, 0));
    print_int("siginterrupt", number, siginterrupt_name(number, 1));
    print_int("siginterrupt", number, siginterrupt_name(number, 0));
    print_handler("signal", number, signal(number, SIG_DFL));
}

static void report_arrival(int number)
{
    sysv_name(number, on_signal);
    arrived = 0;
    raise(number);
    printf("arrived %d", (int)arrived);
    print_state(number);
    sigset_name(number, on_signal);
    arrived = 0;
    raise(number);
    printf("arrived %d", (int)arrived);
    print_state(number);
    sigset_name(number, SIG_DFL);
}

/* One that is pending, so that no pause has to wait. */
static void report_pauses(int number)
{
    for (int kind = 0; kind < 4; kind++) {
        sigset_name(number, on_signal);
        sighold_name(number);
        raise(number);
        arrived = 0;
        print_int("sigpause", number,
                  kind == 0   ? pause_mask(0)
                  : kind == 1 ? pause_signal(number)
                  : kind == 2 ? pause_either(0, 0)
                              : pause_either(number, 1));
        printf("arrived %d\n", (int)arrived);
        sigset_name(number, SIG_DFL);
    }
}

static void report(void)
{
    const int numbers[] = {SIGURG, SIGHUP, SIGUSR1, SIGCHLD, SIGRTMIN + 1, SIGRTMAX, -1,
                           0,      32,     33,      SIGKILL, SIGSTOP,      NSIG,     1000};

    errno = 0;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        report_handlers(numbers[i]);
        report_masks(numbers[i]);
        report_interrupts(numbers[i]);
        if (i < 6)
            report_arrival(numbers[i]);
        else if (numbers[i] != SIGKILL && numbers[i] != SIGSTOP)
            print_int("sigpause", numbers[i], pause_signal(numbers[i]));
    }
    report_pauses(SIGUSR1);
    printf("end of report\n");
    fflush(stdout);
}

/* ---- the server ---- */

static void form_habit(const char *name)
{
    for (size_t i = 0; i < sizeof(habits) / sizeof(habits[0]); i++) {
        for (int number = 1; strcmp(habits[i].name, name) == 0 && number < NSIG; number++) {
            if (number != SIGTERM)
                habits[i].call(number);
        }
    }
}

static void answer(int client)
{
    char line[128];
    ssize_t length = client == -1 ? -1 : recv(client, line, sizeof(line) - 1, 0);

    if (length > 4) {
        line[length] = '\0';
        line[strcspn(line, "\n")] = '\0';
        dprintf(client, "1 %d %s\n", (int)getpid(), line + 4);
    }
    if (client != -1)
        close(client);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (argc != 3)
        return 2;
    address.sin_port = htons((uint16_t)atoi(argv[1]));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == -1 || listen(fd, 16) == -1) {
        perror("old-signals: bind, listen");
        return 1;
    }
    if (strcmp(argv[2], "report") == 0)
        report();
    else
        form_habit(argv[2]);
    for (;;)
        answer(accept(fd, NULL, NULL));
}
