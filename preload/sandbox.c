/*
 * sshd's process before the login, for one, was executed afresh for its client,
 * and would be looked at when it first waits. A server that has said already
 * that it waits for clients makes no calls of ours by itself; the helper does not
 * give orders to a process with a filter of its own.
 */
#include "sandbox.h"

#include <dlfcn.h>
#include <errno.h>

#include "process.h"
#include "signals.h"

/* What there was to attend to; 0 if nothing had to be left. */
static unsigned leave_alone(void)
{
    unsigned before;

    if (!session.active || !own_state() || !wait_needs_attention())
        return 0;
    before = atomic_exchange(&attention, 0);
    give_back_upgrade_signal();
    session.active = false;
    return before;
}

static void come_back(unsigned before)
{
    if (!before)
        return;
    session.active = true;
    take_upgrade_signal();
    atomic_fetch_or(&attention, before);
}

int enter_sandbox_by_prctl(int (*prctl)(int, ...), int option, const unsigned long arguments[4])
{
    unsigned before = leave_alone();
    int result = prctl(option, arguments[0], arguments[1], arguments[2], arguments[3]);

    if (result != 0)
        come_back(before);
    return result;
}

/* The library may be a plugin's own, which RTLD_NEXT does not reach: dlopen(3), RTLD_LOCAL. */
static void find_seccomp_load(int (**load)(const void *))
{
    void *library;
    void *found = dlsym(RTLD_NEXT, "seccomp_load");

    if (!found) {
        library = dlopen("libseccomp.so.2", RTLD_LAZY | RTLD_NOLOAD);
        found = library ? dlsym(library, "seccomp_load") : NULL;
    }
    *(void **)load = found;
}

int enter_sandbox_by_libseccomp(const void *context)
{
    int (*load)(const void *) = NULL;
    unsigned before;
    int result;

    find_seccomp_load(&load);
    if (!load)
        return -ENOSYS;
    before = leave_alone();
    result = load(context);
    if (result != 0)
        come_back(before);
    return result;
}
