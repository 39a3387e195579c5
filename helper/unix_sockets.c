#include "unix_sockets.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "proc_unix.h"
#include "sock_diag.h"
#include "socket_file.h"

static void read_attribute(struct unix_socket *socket, const struct rtattr *attribute)
{
    const void *data = RTA_DATA(attribute);
    size_t length = RTA_PAYLOAD(attribute);

    if (attribute->rta_type == UNIX_DIAG_NAME && length <= sizeof socket->name) {
        memcpy(socket->name, data, length);
        socket->name_length = length;
    } else if (attribute->rta_type == UNIX_DIAG_VFS) {
        const struct unix_diag_vfs *vfs = data;

        /* the kernel's own dev_t: twelve bits of major number above twenty of minor */
        socket->has_file = true;
        socket->device = makedev(vfs->udiag_vfs_dev >> 20, vfs->udiag_vfs_dev & 0xfffff);
        socket->file = vfs->udiag_vfs_ino;
    } else if (attribute->rta_type == UNIX_DIAG_RQLEN) {
        const struct unix_diag_rqlen *queue = data;

        socket->queue = queue->udiag_rqueue;
        socket->backlog = queue->udiag_wqueue;
    }
}

static struct unix_socket read_entry(const struct nlmsghdr *header)
{
    const struct unix_diag_msg *entry = NLMSG_DATA(header);
    struct unix_socket socket = {.inode = entry->udiag_ino,
                                 .type = entry->udiag_type,
                                 .listens = entry->udiag_state == TCP_LISTEN};
    size_t left = header->nlmsg_len - NLMSG_LENGTH(sizeof *entry);

    for (const struct rtattr *attribute = (const void *)(entry + 1); RTA_OK(attribute, left);
         attribute = RTA_NEXT(attribute, left))
        read_attribute(&socket, attribute);
    return socket;
}

struct visitor {
    bool (*visit)(const struct unix_socket *socket, void *argument);
    void *argument;
    bool visited; /* has there been any? */
};

static bool visit_entry(const struct nlmsghdr *header, void *argument)
{
    struct visitor *visitor = argument;
    struct unix_socket entry = read_entry(header);

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
};

static bool is_bound_to(const struct unix_socket *socket, const struct search *search)
{
    struct stat status;

    if (!socket->has_file || socket->file != (uint32_t)search->file)
        return false;
    return socket->device == search->device ||
           (find_socket_file(socket, search->pid, &status) && status.st_dev == search->device &&
            status.st_ino == search->file);
}

static bool is_it(const struct unix_socket *socket, void *argument)
{
    struct search *search = argument;

    if (search->inode ? socket->inode == search->inode
                      : is_bound_to(socket, search) && (socket->listens || !search->success)) {
        *search->found = *socket;
        search->success = true;
        /* accepted connections carry the listener's file: go on until it is the listener */
        return !search->inode && !socket->listens;
    }
    return true;
}

bool find_unix_socket(uint64_t inode, struct unix_socket *found)
{
    struct search search = {.inode = inode, .found = found};

    for_each_unix_socket(is_it, &search);
    return search.success;
}

bool find_unix_socket_of_file(uint64_t device, uint64_t file, pid_t pid, struct unix_socket *found)
{
    struct search search = {.device = device, .file = file, .pid = pid, .found = found};

    for_each_unix_socket(is_it, &search);
    return search.success;
}
