#include "deadly_calls.h"

#include <errno.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_KNOWN = 4 };

static struct known {
    long call;
    bool is_deadly;
} known[MOST_KNOWN];
static size_t known_calls;

/* SIGSYS would leave a core file. */
static _Noreturn void try_and_end(long call)
{
    const struct rlimit no_core = {0, 0};

    setrlimit(RLIMIT_CORE, &no_core);
    syscall(call, -1L, -1L, -1L, -1L, -1L, -1L);
    _exit(0);
}

/* Returns false where nobody could try it. */
static bool try_call(long call, bool *kills)
{
    pid_t child = fork();
    pid_t ended;
    int status = 0;

    if (child == 0)
        try_and_end(call);
    do
        ended = child == -1 ? -1 : waitpid(child, &status, 0);
    while (ended == -1 && errno == EINTR);
    *kills = WIFSIGNALED(status);
    return ended != -1;
}

bool is_deadly(long call)
{
    int saved = errno;
    bool kills;
    bool tried;

    for (size_t i = 0; i < known_calls; i++)
        if (known[i].call == call)
            return known[i].is_deadly;
    tried = try_call(call, &kills);
    if (tried && known_calls < MOST_KNOWN)
        known[known_calls++] = (struct known){call, kills};
    errno = saved;
    return !tried || kills;
}
