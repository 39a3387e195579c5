#include "ending.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/base/carry.h"
#include "helper/base/clock.h"
#include "helper/outside/hook.h"
#include "helper/outside/pidfile.h"
#include "helper/processes/guard.h"
#include "helper/settings/settings.h"

static int64_t expected_until;
static bool asked_for;
static bool ending;
static int ending_status;

/* Who has not ended by then, has not taken the signal for an end: a SIGQUIT shows a JVM's threads.
 */
void expect_end(void)
{
    expected_until = settings.exit_timeout == endless
                         ? INT64_MAX
                         : now() + settings.exit_timeout + settings.stop_timeout;
}

void expect_no_end(void)
{
    expected_until = 0;
}

bool is_end_expected(void)
{
    return expected_until != 0 && now() < expected_until;
}

void ask_for_end(void)
{
    asked_for = true;
}

bool is_shutting_down(void)
{
    return asked_for;
}

void begin_ending(int wait_status)
{
    ending = true;
    ending_status = wait_status;
}

bool is_ending(void)
{
    return ending;
}

_Noreturn void end_like_the_server(void)
{
    struct rlimit no_core = {0, 0};
    sigset_t set;
    int number = WTERMSIG(ending_status);

    flush_hooks();
    remove_pidfile();
    dismiss_guard();
    if (!WIFSIGNALED(ending_status))
        exit(WEXITSTATUS(ending_status));
    /* the core, if any, is the server's */
    setrlimit(RLIMIT_CORE, &no_core);
    signal(number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, number);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    _exit(128 + number);
}

void carry_expected_end(struct carrier *carrier)
{
    expected_until = carry_time(carrier, "end-expected-until", expected_until);
}
