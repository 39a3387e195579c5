#include "unix_sockets.h"

#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "proc_unix.h"
#include "sock_diag.h"
#include "sock_diag_answer.h"
#include "socket_file.h"

struct visitor {
    bool (*visit)(const struct unix_socket *socket, void *argument);
    void *argument;
    bool visited; /* has there been any? */
};

static bool visit_entry(const struct nlmsghdr *header, void *argument)
{
    struct visitor *visitor = argument;
    struct unix_socket entry;

    if (!read_unix_entry(header, &entry))
        return true;
    visitor->visited = true;
    return visitor->visit(&entry, visitor->argument);
}

int for_each_unix_socket(bool (*visit)(const struct unix_socket *socket, void *argument),
                         void *argument)
{
    struct unix_diag_req request = {
        .sdiag_family = AF_UNIX,
        .udiag_states = UINT32_MAX,
        .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_RQLEN,
    };
    struct visitor visitor = {visit, argument, false};

    if (for_each_entry(&request, sizeof request, visit_entry, &visitor) == 0)
        return 0;
    return visitor.visited ? -1 : for_each_listed_unix_socket(visit, argument);
}

struct search {
    uint64_t inode; /* 0: by file */
    uint64_t device;
    uint64_t file;
    pid_t pid;
    struct unix_socket *found;
    bool success;
    bool doubtful; /* one that it might be says nothing of itself */
};

static bool is_bound_to(const struct unix_socket *socket, const struct search *search)
{
    struct socket_file file;

    if (!socket->has_file || socket->file != (uint32_t)search->file)
        return false;
    return socket->device == search->device ||
           (find_socket_file(socket, search->pid, NULL, &file) && file.device == search->device &&
            file.inode == search->file);
}

static bool is_it(const struct unix_socket *socket, void *argument)
{
    struct search *search = argument;

    if (socket->doubtful) {
        search->doubtful |= search->inode == 0 || search->inode == socket->inode;
        return true;
    }
    if (search->inode ? socket->inode == search->inode
                      : is_bound_to(socket, search) && (socket->listens || !search->success)) {
        *search->found = *socket;
        search->success = true;
        /* accepted connections carry the listener's file: go on until it is the listener */
        return !search->inode && !socket->listens;
    }
    return true;
}

static enum lookup search_through(struct search *search)
{
    bool all_seen = for_each_unix_socket(is_it, search) == 0;

    if (search->success)
        return IS_THERE;
    return all_seen && !search->doubtful ? IS_GONE : CANNOT_TELL;
}

enum lookup find_unix_socket(uint64_t inode, struct unix_socket *found)
{
    struct search search = {.inode = inode, .found = found};

    return search_through(&search);
}

enum lookup find_unix_socket_of_file(uint64_t device, uint64_t file, pid_t pid,
                                     struct unix_socket *found)
{
    struct search search = {.device = device, .file = file, .pid = pid, .found = found};

    return search_through(&search);
}
