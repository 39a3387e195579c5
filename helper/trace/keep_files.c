/*
 * No filter of ours is in a program that ran before us, so nobody is asked about its unlink(2). But
 * when it is about to end, a filter that needs nobody can be given to it: each unlink(2) does
 * nothing, and succeeds. Before that, as long as it serves and finishes, it removes what it likes.
 */
#include "keep_files.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/kernel/procfile.h"
#include "helper/processes/family.h"
#include "injection.h"
#include "threads.h"
#include "trace.h"
#include "workspace.h"

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define OWN_ARCHITECTURE 0 /* nothing can be injected there: can_inject() */
#endif

#ifndef SYS_unlink
#define SYS_unlink SYS_unlinkat /* aarch64 has that alone */
#endif

enum { INSTRUCTIONS = 7 };

/* As it stands in the page. */
struct whole_filter {
    struct sock_fprog head;
    struct sock_filter code[INSTRUCTIONS];
};

static struct whole_filter filter_at(uint64_t page)
{
    const struct sock_filter code[INSTRUCTIONS] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unlink, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unlinkat, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO), /* 0: it is done */
    };
    struct whole_filter filter;

    memset(&filter, 0, sizeof filter);
    memcpy(filter.code, code, sizeof code);
    filter.head.len = INSTRUCTIONS;
    filter.head.filter =
        (struct sock_filter *)(uintptr_t)(page + offsetof(struct whole_filter, code));
    return filter;
}

/* seccomp(2): without CAP_SYS_ADMIN, only for a program that can gain no privileges any more. */
static int install(struct workspace *workspace)
{
    const struct whole_filter filter = filter_at(workspace->page);
    const long give_up_gain[6] = {PR_SET_NO_NEW_PRIVS, 1};
    const long arguments[6] = {SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC,
                               (long)workspace->page};
    int error = write_there(workspace, &filter, sizeof filter);
    long result;

    if (error)
        return error;
    result = call_there(workspace, SYS_seccomp, arguments);
    if (result == -EACCES && call_there(workspace, SYS_prctl, give_up_gain) == 0)
        result = call_there(workspace, SYS_seccomp, arguments);
    if (result > 0) /* the thread that has another filter */
        return EBUSY;
    return (int)-result;
}

/* Returns 0, or an errno. */
static int keep_files_of(struct trace *trace, pid_t process)
{
    pid_t thread = pick_thread_to_stop(process);
    struct proc_status status;
    struct workspace workspace;
    struct stopped stopped;
    int error = ESRCH;

    if (read_status(process, &status) == IS_THERE && status.filters > trace->filters)
        return EACCES;
    if (thread)
        error = stop_thread(trace, process, thread, &stopped);
    if (error)
        return error;
    error = open_workspace(&workspace, trace, &stopped);
    if (!error) {
        error = install(&workspace);
        close_workspace(&workspace);
    }
    let_go(&stopped);
    return error;
}

void have_files_kept(struct trace *trace)
{
    const struct family *family = look_at_family();

    if (!trace->stranger || trace->files_kept)
        return;
    trace->files_kept = true;
    for (size_t i = 0; i < family->count; i++) {
        const struct member *member = &family->member[i];
        int error = 0;

        if (member->generation == trace->generation->number)
            error = keep_files_of(trace, member->pid);
        if (error && error != ESRCH)
            log_line(LEVEL_ERROR,
                     "generation %u: process %d cannot be kept from removing files as it ends, a "
                     "pidfile perhaps: %s",
                     member->generation, member->pid, strerror(error));
    }
}
