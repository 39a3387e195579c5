/*
 * /proc/self is where the kernel says what this process holds and does. A chroot
 * may have none: then the helper, which is outside, reads it to us. A descriptor of
 * /proc would be a way out of the chroot.
 */
#include "proc_self.h"

#include <errno.h>
#include <string.h>

#include "control.h"
#include "preload/kernel/kernel.h"
#include "preload/kernel/proc_text.h"
#include "preload/kernel/procfs.h"

/* Put what is wanted at a path of /proc/self into a question. */
static void name_text(const char *path, struct message *message)
{
    static const char descriptor[] = "fdinfo/";
    static const char thread[] = "task/";

    if (strcmp(path, "fd") == 0) {
        message->position = PROC_DESCRIPTORS;
    } else if (strcmp(path, "task") == 0) {
        message->position = PROC_THREADS;
    } else {
        bool is_descriptor = strncmp(path, descriptor, sizeof descriptor - 1) == 0;

        path += is_descriptor ? sizeof descriptor - 1 : sizeof thread - 1;
        message->position = is_descriptor ? PROC_DESCRIPTOR : PROC_SYSTEM_CALL;
        message->inode = parse_number(&path, 10);
    }
}

static int ask_for_text(const char *path, int *used)
{
    struct message message = new_message(MESSAGE_PROC);
    int control = open_control();
    int file;
    int kind;

    *used = control;
    name_text(path, &message);
    kind = ask_helper(control, &message, &file);
    if (kind == ANSWER_PROC_TEXT && file != -1)
        return file;
    if (file != -1)
        kernel_close(file);
    errno = kind == ANSWER_NO_PROC_TEXT ? ENOENT : EACCES;
    return -1;
}

/* Whoever begins something that needs /proc must know before it that there is an answer. */
static int ask_helper_to_look(void)
{
    int used;
    int file = ask_for_text("task", &used);

    if (file == -1)
        return -1;
    kernel_close(file);
    open_elsewhere = ask_for_text;
    return PROC_ELSEWHERE;
}

int open_proc_self(void)
{
    int proc = kernel_openat(AT_FDCWD, "/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return proc == -1 ? ask_helper_to_look() : proc;
}

int open_proc_with_descriptors(void)
{
    char path[64];
    char target[1];
    int proc = open_proc_self();
    int thread;

    if (proc < 0 ||
        kernel_readlinkat(proc, proc_path(path, "fd/", proc, ""), target, sizeof target) != -1)
        return proc;
    thread = kernel_openat(AT_FDCWD, "/proc/thread-self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (thread == -1)
        return proc;
    kernel_close(proc);
    return thread;
}
