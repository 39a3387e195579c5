#include "borrow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "helper/kernel/procfile.h"
#include "helper/kernel/take_descriptor.h"
#include "helper/processes/read_member.h"
#include "onlooker.h"

/* Root's, or our user's: it could hold us up as well in many other ways. */
static bool could_be_ours(pid_t process)
{
    struct proc_status status;

    return read_status(process, &status) == IS_THERE && could_be_us(status.real) &&
           could_be_us(status.effective) && could_be_us(status.saved);
}

int borrow_descriptor(pid_t process, int number)
{
    if (could_be_ours(process))
        return take_descriptor(process, number);
    return have_descriptor_borrowed(process, number);
}

int (*borrow_otherwise)(pid_t process, int number);

bool is_borrowing_denied(int error)
{
    return error == EPERM || error == EACCES || error == ENOSYS;
}

int borrow_needed(pid_t process, int number)
{
    int fd = borrow_descriptor(process, number);
    int error = errno;

    if (fd != -1 || !borrow_otherwise || !is_borrowing_denied(error))
        return fd;
    fd = borrow_otherwise(process, number);
    if (fd == -1 && errno != EBADF && errno != ESRCH)
        errno = error;
    return fd;
}

bool read_memory(pid_t process, uint64_t address, void *memory, size_t size)
{
    if (could_be_ours(process))
        return read_memory_of(process, address, memory, size);
    return have_memory_read(process, address, memory, size);
}

/* proc(5) fdinfo: "flags:" in octal. */
bool is_closed_on_exec(pid_t process, int number)
{
    char name[48];
    const char *text;
    uint64_t flags;

    snprintf(name, sizeof name, "fdinfo/%d", number);
    text = read_proc_file(process, name, NULL);
    return text && parse_field(text, "flags:", 8, &flags) && flags & O_CLOEXEC;
}
