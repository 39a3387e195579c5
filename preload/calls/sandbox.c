/*
 * A filter that a program loads into itself knows the calls that the program
 * makes, and not ours: the handler of an order, a wrapper that looks something
 * up or asks the helper would be the end of the process. (sshd's before the
 * login, vsftpd's sessions.) So all that is ours rests from then on. The helper
 * sees the filter in /proc, and gives no orders there.
 */
#include "sandbox.h"

#include <dlfcn.h>
#include <errno.h>

#include "preload/process/process.h"
#include "preload/signals/actions.h"

/* What there is to return to, should there be no filter after all. */
struct before {
    bool active;
    unsigned attention;
};

static struct before rest(void)
{
    struct before before = {.active = session.active && own_state()};

    if (before.active) {
        before.attention = atomic_exchange(&attention, 0);
        give_back_signals();
        session.active = false;
    }
    return before;
}

static void resume(struct before before)
{
    if (!before.active)
        return;
    session.active = true;
    take_signals_again();
    atomic_fetch_or(&attention, before.attention);
}

int enter_sandbox_by_prctl(int (*prctl)(int, ...), int option, const unsigned long arguments[4])
{
    struct before before = rest();
    int result = prctl(option, arguments[0], arguments[1], arguments[2], arguments[3]);

    if (result != 0)
        resume(before);
    return result;
}

/*
 * The library may be a plugin's own, which RTLD_NEXT does not reach: dlopen(3), RTLD_LOCAL.
 * tests/zoo/chrony-sandbox enters its sandbox by this function.
 */
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
    struct before before;
    int result;

    find_seccomp_load(&load);
    if (!load)
        return -ENOSYS;
    before = rest();
    result = load(context);
    if (result != 0)
        resume(before);
    return result;
}
