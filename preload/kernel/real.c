/*
 * Finding libc's functions behind our own. dlsym() may allocate and allocators
 * call us, so this happens once, early, and never inside a wrapper that is hot.
 */
#include "real.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>

static struct real table;
static atomic_bool resolved;

/* Stands in for what this libc does not have: nobody can have linked against that. */
static int not_in_this_libc(void)
{
    errno = ENOSYS;
    return -1;
}

/* ISO C has no conversion from void * to a function pointer; POSIX has it through memory. */
static void resolve(void *slot, const char *name)
{
    void **target = slot;

    if (*target) /* found meanwhile: dlsym() allocated, and the allocator called us */
        return;
    *target = dlsym(RTLD_NEXT, name);
    if (!*target) {
        int (*stand_in)(void) = not_in_this_libc;

        __builtin_memcpy(target, &stand_in, sizeof stand_in);
    }
}

/* Apart, so that the way past it is short. */
static __attribute__((noinline)) void resolve_all(void)
{
    int saved = errno;

#define RESOLVE(type, name, parameters) resolve(&table.name, #name);
    REAL_FUNCTIONS(RESOLVE)
#undef RESOLVE
    atomic_store_explicit(&resolved, true, memory_order_release);
    errno = saved;
}

const struct real *real(void)
{
    if (!atomic_load_explicit(&resolved, memory_order_acquire))
        resolve_all();
    return &table;
}
