/* The files of /proc of the test's own process, however long: helper/kernel/procfile.c. */
#include "helper/kernel/procfile.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "unit.h"

TEST("stat and status of this process")
{
    struct proc_stat stat;
    struct proc_status status;

    REQUIRE(read_stat(getpid(), &stat) == IS_THERE);
    CHECK_INT(stat.pid, getpid());
    CHECK_INT(stat.parent, getppid());
    CHECK_INT(stat.group, getpgrp());
    CHECK_INT(stat.session, getsid(0));
    REQUIRE(read_status(getpid(), &status) == IS_THERE);
    CHECK_INT(status.real, getuid());
    CHECK(age_of(getpid()) >= 0);
}

static void handle(int number)
{
    (void)number;
}

TEST("status of a process with a thousand groups")
{
    enum { GROUPS = 1000 };
    gid_t groups[GROUPS];
    struct proc_status status;

    for (int i = 0; i < GROUPS; i++)
        groups[i] = (gid_t)(1000000 + i);
    if (setgroups(GROUPS, groups) == -1) /* not root */
        return;
    signal(SIGURG, handle);
    REQUIRE(read_status(getpid(), &status) == IS_THERE);
    CHECK(status.caught >> (SIGURG - 1) & 1);
}

TEST("a text that is longer than any buffer")
{
    size_t size = 0;
    const char *text;

    /* a mapping of its own for each page: one line each */
    for (int i = 0; i < 2000; i++)
        (void)mmap(NULL, 4096, i % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    text = read_proc_file(getpid(), "smaps", &size);
    CHECK(size > 1 << 20);
    CHECK(text && strlen(text) == size);
    CHECK(text && text[size - 1] == '\n');
    CHECK(has_mapped(getpid(), "unit/procfile") == IS_THERE);
    CHECK(has_mapped(getpid(), "no such file") == IS_GONE);
}

TEST("children: all of them, hundreds")
{
    enum { CHILDREN = 300 };
    pid_t child[CHILDREN];
    pid_t found;
    const char *text;
    int count = 0;
    char name[64];

    for (int i = 0; i < CHILDREN; i++) {
        child[i] = fork();
        if (child[i] == 0)
            for (;;)
                pause();
    }
    snprintf(name, sizeof name, "task/%d/children", getpid());
    text = read_proc_file(getpid(), name, NULL);
    if (text) /* CONFIG_PROC_CHILDREN */
        while (next_child(&text, &found))
            count += found == child[count];
    for (int i = 0; i < CHILDREN; i++) {
        kill(child[i], SIGKILL);
        waitpid(child[i], NULL, 0);
    }
    CHECK(count == CHILDREN || !text);
}

static pid_t ended_child(void)
{
    pid_t child = fork();

    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
    return child;
}

TEST("a process that is gone is gone, whatever is asked of it")
{
    pid_t child = ended_child();
    struct open_socket *sockets = NULL;
    size_t count = 0;
    pid_t *threads;
    struct proc_stat stat;
    struct proc_status status;
    char target[LINK_SIZE];
    uint64_t value;

    CHECK(read_stat(child, &stat) == IS_GONE);
    CHECK(read_status(child, &status) == IS_GONE);
    CHECK(list_sockets(child, &sockets, &count) == IS_GONE && count == 0);
    CHECK(list_threads(child, &threads, &count) == IS_GONE && count == 0);
    CHECK(read_fd_link(child, 0, target) == IS_GONE);
    CHECK(read_fdinfo(child, 0, "pos:", &value) == IS_GONE);
    CHECK(has_mapped(child, "x") == IS_GONE);
    CHECK_INT(parent_of(child), 0);
    CHECK(age_of(child) == -1);
}

TEST("without a descriptor to look with, nothing is known, and nothing is gone")
{
    struct rlimit none = {0, 0};
    struct open_socket *sockets = NULL;
    size_t count = 0;
    pid_t *threads;
    struct proc_stat stat;
    struct proc_status status;
    uint64_t value;

    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
    CHECK(read_stat(getpid(), &stat) == CANNOT_TELL && errno == EMFILE);
    CHECK(read_status(getpid(), &status) == CANNOT_TELL && errno == EMFILE);
    CHECK(list_sockets(getpid(), &sockets, &count) == CANNOT_TELL && errno == EMFILE);
    CHECK(list_threads(getpid(), &threads, &count) == CANNOT_TELL && errno == EMFILE);
    CHECK(read_fdinfo(getpid(), 0, "pos:", &value) == CANNOT_TELL && errno == EMFILE);
    CHECK(has_mapped(getpid(), "x") == CANNOT_TELL && errno == EMFILE);
}

TEST("the sockets of this process, under their numbers")
{
    struct open_socket *sockets = NULL;
    size_t count = 0;
    unsigned long long inode = 0;
    char target[LINK_SIZE];
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    bool found = false;

    REQUIRE(list_sockets(getpid(), &sockets, &count) == IS_THERE);
    REQUIRE(read_fd_link(getpid(), fd, target) == IS_THERE);
    REQUIRE(parse_socket_link(target, &inode));
    for (size_t i = 0; i < count; i++)
        found |= sockets[i].fd == fd && sockets[i].inode == inode && sockets[i].pid == getpid();
    CHECK(found);
    free(sockets);
    CHECK(read_fd_link(getpid(), 4711, target) == IS_GONE);
}
