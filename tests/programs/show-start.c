/*
 * Prints everything that a process gets from whoever starts it, one thing a line, so that two
 * starts can be compared with diff. The first argument may be --exit=N: the exit status.
 */
#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void print_text(const char *name, const char *text)
{
    printf("%s ", name);
    for (; *text != '\0'; text++) {
        if (isprint((unsigned char)*text) && *text != '\\')
            putchar(*text);
        else
            printf("\\x%02x", (unsigned char)*text);
    }
    putchar('\n');
}

static void print_link(const char *name, const char *path)
{
    char target[PATH_MAX];
    ssize_t length = readlink(path, target, sizeof(target) - 1);

    target[length < 0 ? 0 : length] = '\0';
    print_text(name, target);
}

static void print_limits(void)
{
    for (int i = 0; i < RLIMIT_NLIMITS; i++) {
        struct rlimit limit;

        getrlimit((__rlimit_resource_t)i, &limit);
        printf("limit %d %llu %llu\n", i, (unsigned long long)limit.rlim_cur,
               (unsigned long long)limit.rlim_max);
    }
}

static void print_signals(void)
{
    sigset_t mask;

    sigprocmask(SIG_SETMASK, NULL, &mask);
    for (int i = 1; i < NSIG; i++) {
        struct sigaction action;

        if (sigaction(i, NULL, &action) == -1)
            continue;
        printf("signal %d %s flags %x%s%s\n", i,
               action.sa_handler == SIG_DFL   ? "default"
               : action.sa_handler == SIG_IGN ? "ignored"
                                              : "caught",
               (unsigned)action.sa_flags, sigismember(&mask, i) == 1 ? " blocked" : "",
               sigismember(&action.sa_mask, i) == 1 ? " in its mask" : "");
    }
}

/* What the kernel says, past all that libc may have been told. */
static void print_status(void)
{
    static const char *const wanted[] = {
        "Umask:",  "SigPnd:", "ShdPnd:",  "SigBlk:",       "SigIgn:",     "SigCgt:",  "CapInh:",
        "CapPrm:", "CapEff:", "CapBnd:",  "CapAmb:",       "NoNewPrivs:", "Seccomp:", "Uid:",
        "Gid:",    "Groups:", "Threads:", "Cpus_allowed:", "Name:"};
    char line[4096];
    FILE *file = fopen("/proc/self/status", "r");

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
            if (strncmp(line, wanted[i], strlen(wanted[i])) == 0)
                print_text("status", line);
        }
    }
    if (file != NULL)
        fclose(file);
}

static int compare(const void *one, const void *other)
{
    return *(const int *)one - *(const int *)other;
}

static void print_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    struct dirent *entry;
    int found[1024];
    size_t count = 0;

    while (directory != NULL && count < 1024 && (entry = readdir(directory)) != NULL) {
        int fd = atoi(entry->d_name);

        if (isdigit((unsigned char)entry->d_name[0]) && fd != dirfd(directory))
            found[count++] = fd;
    }
    if (directory != NULL)
        closedir(directory);
    qsort(found, count, sizeof(found[0]), compare);
    for (size_t i = 0; i < count; i++) {
        char path[64];
        char name[64];

        snprintf(path, sizeof(path), "/proc/self/fd/%d", found[i]);
        snprintf(name, sizeof(name), "descriptor %d", found[i]);
        print_link(name, path);
    }
}

int main(int argc, char **argv)
{
    int status = 0;

    print_descriptors(); /* first: nothing below leaves one open, but who knows */
    for (int i = 0; i < argc; i++)
        print_text("argument", argv[i]);
    for (char **variable = environ; *variable != NULL; variable++)
        print_text("variable", *variable);
    print_link("directory", "/proc/self/cwd");
    print_link("root", "/proc/self/root");
    print_link("program", "/proc/self/exe");
    print_limits();
    print_signals();
    print_status();
    printf("nice %d\n", getpriority(PRIO_PROCESS, 0));
    printf("group %d session %d\n", (int)getpgrp(), (int)getsid(0));
    printf("subreaper %d dumpable %d securebits %d timerslack %d keepcaps %d personality %x\n",
           (prctl(PR_GET_CHILD_SUBREAPER, &status), status), prctl(PR_GET_DUMPABLE),
           prctl(PR_GET_SECUREBITS), prctl(PR_GET_TIMERSLACK), prctl(PR_GET_KEEPCAPS),
           (unsigned)personality(0xffffffff));
    if (argc > 1 && strncmp(argv[1], "--exit=", 7) == 0)
        return atoi(argv[1] + 7);
    return 0;
}
