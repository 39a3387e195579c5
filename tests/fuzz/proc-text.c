/* The texts in /proc, as the helper reads them: helper/kernel/proc_text.c. */
#include "helper/kernel/proc_text.h"

#include "fuzz.h"
#include "helper/kernel/unix_socket.h"

static void try_processes(const char *text)
{
    struct proc_stat stat;
    struct proc_status status;
    struct thread_call call;

    if (parse_stat(text, &stat))
        HOLDS(stat.pid > 0 && stat.parent >= 0 && stat.group >= 0 && stat.session >= 0);
    if (parse_status(text, &status))
        HOLDS(status.state != '\0');
    if (parse_syscall(text, &call))
        HOLDS(call.number >= -1);
}

static void try_lists(const char *text, size_t size)
{
    const char *at = text;
    const char *value = find_variable(text, size, "TFPRELOAD_SESSION");
    struct unix_socket socket;
    uint64_t number;
    unsigned long long inode;
    pid_t child;

    while (next_child(&at, &child))
        HOLDS(child > 0 && at <= text + size);
    HOLDS(!value || (value > text && value <= text + size));
    (void)parse_field(text, "scm_fds:", 10, &number);
    (void)parse_socket_link(text, &inode);
    if (parse_unix_socket(text, &socket))
        HOLDS(socket.name_length <= sizeof socket.name);
}

static void try_input(const uint8_t *data, size_t size)
{
    char *text = text_of(data, size);

    try_processes(text);
    try_lists(text, size);
    free(text);
}
