#include "workspace.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "injection.h"

/* Of memory without a file. Where there is the second call, the first may be missing: mmap2(2). */
#ifdef SYS_mmap2
static const long map_memory = SYS_mmap2;
#else
static const long map_memory = SYS_mmap;
#endif

long call_there(struct workspace *workspace, long number, const long arguments[6])
{
    long result = 0;
    int error = inject_call(workspace->trace, workspace->stopped, number, arguments, &result);

    return error ? -error : result;
}

int open_workspace(struct workspace *workspace, struct trace *trace, struct stopped *stopped)
{
    const long arguments[6] = {0, WORKSPACE_SIZE, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1};
    long page;

    *workspace = (struct workspace){trace, stopped, 0};
    page = call_there(workspace, map_memory, arguments);
    /* mmap(2): a page that is there has an address which is no errno */
    if (page < 0 && page >= -4095)
        return (int)-page;
    workspace->page = (uint64_t)page;
    return 0;
}

void close_workspace(struct workspace *workspace)
{
    const long arguments[6] = {(long)workspace->page, WORKSPACE_SIZE};

    call_there(workspace, SYS_munmap, arguments);
}

/* ptrace(2) copies words, and needs nothing but the thread to be stopped. */
int write_there(const struct workspace *workspace, const void *from, size_t size)
{
    uint64_t at = workspace->page;

    for (size_t done = 0; done < size; done += sizeof(long)) {
        long word = 0;

        memcpy(&word, (const char *)from + done,
               size - done < sizeof word ? size - done : sizeof word);
        if (ptrace(PTRACE_POKEDATA, workspace->stopped->thread, at + done, word) == -1)
            return errno;
    }
    return 0;
}

int read_there(const struct workspace *workspace, void *to, size_t size)
{
    uint64_t at = workspace->page;

    for (size_t done = 0; done < size; done += sizeof(long)) {
        long word;

        errno = 0;
        word = ptrace(PTRACE_PEEKDATA, workspace->stopped->thread, at + done, 0);
        if (errno != 0)
            return errno;
        memcpy((char *)to + done, &word, size - done < sizeof word ? size - done : sizeof word);
    }
    return 0;
}
