/*
 * The constructor. Outside a session it becomes tfhelper (same pid), which runs
 * the program again inside one; inside, it notes which session and generation
 * this is. Whatever goes wrong costs the upgrades, never the server.
 */
#include <stdint.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "become_helper.h"
#include "early.h"
#include "join.h"
#include "preload/kernel/clock.h"
#include "preload/kernel/real.h"
#include "preload/wire/protocol.h"

#ifdef __GLIBC__
extern const char *gnu_get_libc_version(void) __attribute__((weak));

/*
 * A dynamic loader of another libc loads us, too, and takes that libc for the
 * one that we need. Its structures and its constructors' arguments are not
 * those that we were built for.
 */
static bool is_another_libc(void)
{
    return !gnu_get_libc_version;
}
#else
static bool is_another_libc(void)
{
    return false;
}
#endif

/* Inside a session tfhelper says it, once, and not each of its processes. */
static void complain_of_another_libc(void)
{
    const char *path = (const char *)getauxval(AT_EXECFN); // NOLINT(performance-no-int-to-ptr)

    if (!early_variable(environ, SESSION_VARIABLE))
        complain(path ? path : "it", "is of another libc than tfpreload", 0);
}

static void start(int argc, char **argv, char **environment)
{
    const char *inside;

    if (getauxval(AT_SECURE)) /* a set-user-ID program is left alone */
        return;
    (void)real();
    find_vdso_clock();
    if (is_another_libc()) {
        complain_of_another_libc();
        return;
    }
    if (argc < 1)
        return;
    inside = early_variable(environment, SESSION_VARIABLE);
    if (inside)
        join_session(inside, environment);
    else
        become_helper(argv, environment);
}

#ifdef __GLIBC__
/* Not even environ is set this early, but glibc hands main()'s arguments to constructors. */
__attribute__((constructor)) static void construct(int argc, char **argv, char **environment)
{
    start(argc, argv, environment);
}
#else
/*
 * Other libcs hand nothing to constructors, and have set environ. It points to where the kernel has
 * put the variables, behind the arguments, their NULL and, in front of them, their number.
 */
__attribute__((constructor)) static void construct(void)
{
    char **end = environ - 1;
    intptr_t count = 0;

    while ((intptr_t)end[-1 - count] != count)
        count++;
    start((int)count, end - count, environ);
}
#endif
