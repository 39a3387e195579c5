/*
 * The state of this process, and how a fork is noticed: by the kernel, since a
 * wrapper around fork() would miss daemon(3), clone(2) and posix_spawn(3).
 */
#include "process.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#include "kernel.h"

struct session session;
atomic_uint attention;

static struct own_state *page;

/*
 * A page that nobody has claimed would be taken by the child of a vfork that
 * looks first. So libc's forks, that of daemon(3) among them, do it at once; a
 * sandbox may forbid it, and in there nobody looks.
 */
static void claim_page(void)
{
    if (session.active)
        (void)own_state();
}

#ifdef __GLIBC__
/* What glibc's pthread_atfork() calls; weak, since the loader of another libc must not miss it. */
extern int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void),
                             void *library) __attribute__((weak));

static void call_in_forks(void (*child)(void))
{
    if (__register_atfork)
        __register_atfork(NULL, NULL, child, NULL);
}
#else
static void call_in_forks(void (*child)(void))
{
    pthread_atfork(NULL, NULL, child);
}
#endif

int create_own_state(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return -1;
    if (madvise(memory, size, MADV_WIPEONFORK) == -1) { /* Linux 4.14 */
        munmap(memory, size);
        return -1;
    }
    page = memory;
    page->pid = kernel_getpid();
    call_in_forks(claim_page);
    return 0;
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
