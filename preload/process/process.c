/*
 * The state of this process, and how a fork is noticed: by the kernel, since a
 * wrapper around fork() would miss daemon(3), clone(2) and posix_spawn(3).
 */
#include "process.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "preload/kernel/kernel.h"

struct session session;
atomic_uint attention;

static struct own_state *page;

/*
 * Before Linux 4.14 the kernel does not wipe the page. Then we do, in the child of each fork that
 * libc makes. One that was made by clone(2) itself finds a page that is another process's, as the
 * child of a vfork does, and is left alone.
 */
static bool wiped_by_us;

/*
 * A child has a page that nobody has claimed. If it called vfork before it claimed the
 * page, its own child, which shares it, would take it. So the child of each fork that
 * libc makes, daemon(3) included, claims it at once. Not in a sandbox, which may forbid
 * the system call: there nobody asks for the page.
 */
static void claim_page(void)
{
    if (!session.active)
        return;
    if (wiped_by_us)
        memset(page, 0, sizeof *page);
    (void)own_state();
}

#ifdef __GLIBC__
/* What glibc's pthread_atfork() calls; weak, since the loader of another libc must not miss it. */
extern int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void),
                             void *library) __attribute__((weak));

static bool call_in_forks(void (*child)(void))
{
    return __register_atfork && __register_atfork(NULL, NULL, child, NULL) == 0;
}
#else
static bool call_in_forks(void (*child)(void))
{
    return pthread_atfork(NULL, NULL, child) == 0;
}
#endif

int create_own_state(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return -1;
    wiped_by_us = madvise(memory, size, MADV_WIPEONFORK) == -1; /* Linux 4.14 */
    page = memory;
    page->pid = kernel_getpid();
    if (call_in_forks(claim_page) || !wiped_by_us)
        return 0;
    page = NULL;
    munmap(memory, size);
    errno = ENOSYS;
    return -1;
}

struct own_state *own_state(void)
{
    int saved = errno;
    int pid = kernel_getpid();
    int nobody = 0;

    errno = saved;
    if (!page)
        return NULL;
    if (atomic_compare_exchange_strong(&page->pid, &nobody, pid) || nobody == pid)
        return page;
    return NULL;
}
