/* Which processes are somebody's children: by the kernel's lists, and by everybody's parents. */
#include "helper/processes/children.c" // NOLINT(bugprone-suspicious-include): both ways are static

#include <pthread.h>
#include <sys/prctl.h>

#include "unit.h"

enum { CHILDREN = 5 };

/* Sleeps until its parent ends. */
static pid_t fork_sleeper(void)
{
    pid_t child = fork();

    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pause();
        _exit(0);
    }
    return child;
}

static void *fork_in_thread(void *child)
{
    *(pid_t *)child = fork_sleeper();
    pause(); /* or its child would have no parent any more: PR_SET_PDEATHSIG */
    return NULL;
}

static bool has(const struct list *list, pid_t pid)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->pid[i] == pid)
            return true;
    return false;
}

static void check_list(const struct list *list, const pid_t *wanted, size_t count)
{
    CHECK_INT(list->count, count);
    for (size_t i = 0; i < count; i++)
        CHECK(has(list, wanted[i]));
}

static void check_both_ways(pid_t pid, const pid_t *wanted, size_t count)
{
    struct list by_threads = {0};
    struct list by_parents = {0};

    CHECK_INT(list_by_threads(pid, &by_threads), IS_THERE);
    check_list(&by_threads, wanted, count);
    look_anew_for_children();
    CHECK_INT(list_by_parents(pid, &by_parents), IS_THERE);
    check_list(&by_parents, wanted, count);
}

static void end(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

TEST("children, of another thread and dead ones as well")
{
    pid_t children[CHILDREN] = {0};
    pthread_t thread;

    check_both_ways(getpid(), children, 0);
    for (int i = 1; i < CHILDREN; i++)
        children[i] = fork_sleeper();
    REQUIRE(CHECK_INT(pthread_create(&thread, NULL, fork_in_thread, &children[0]), 0));
    while (!*(volatile pid_t *)&children[0])
        usleep(1000);
    check_both_ways(getpid(), children, CHILDREN);
    kill(children[0], SIGKILL);
    waitid(P_PID, (id_t)children[0], &(siginfo_t){0}, WEXITED | WNOWAIT);
    check_both_ways(getpid(), children, CHILDREN);
    end(children[0]);
    check_both_ways(getpid(), children + 1, CHILDREN - 1);
    check_both_ways(children[1], NULL, 0);
}

TEST("an orphan is its new parent's")
{
    int pipes[2];
    pid_t family[2] = {0};

    REQUIRE(CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 && pipe(pipes) == 0));
    family[0] = fork();
    if (family[0] == 0) {
        pid_t child = fork();

        if (child == 0) {
            pause();
            _exit(0);
        }
        if (write(pipes[1], &child, sizeof child) == -1)
            _exit(1);
        pause();
        _exit(0);
    }
    REQUIRE(CHECK_INT(read(pipes[0], &family[1], sizeof *family), sizeof *family));
    check_both_ways(getpid(), family, 1);
    check_both_ways(family[0], family + 1, 1);
    end(family[0]);
    check_both_ways(getpid(), family + 1, 1);
    end(family[1]);
    check_both_ways(getpid(), NULL, 0);
}

TEST("who is gone has none, and that is known")
{
    pid_t child = fork_sleeper();
    pid_t *list = NULL;
    size_t count = 0;

    end(child);
    look_anew_for_children();
    CHECK(list_children(child, &list, &count) != CANNOT_TELL);
    CHECK_INT(count, 0);
}
