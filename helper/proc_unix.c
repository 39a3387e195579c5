#include "proc_unix.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "unix_sockets.h"

enum { ACCEPTS = 1 << 16 }; /* the flag of a socket that listens */

static void read_name(struct unix_socket *socket, const char *name)
{
    struct stat status;

    socket->name_length = strcspn(name, "\n");
    if (socket->name_length > sizeof socket->name)
        socket->name_length = sizeof socket->name;
    memcpy(socket->name, name, socket->name_length);
    if (socket->name[0] == '@') { /* an abstract name: the list shows its NULs so */
        socket->name[0] = '\0';
        return;
    }
    if (socket->name[0] == '/' && socket->name_length < sizeof socket->name &&
        stat(socket->name, &status) == 0 && S_ISSOCK(status.st_mode)) {
        socket->has_file = true;
        socket->device = status.st_dev;
        socket->file = (uint32_t)status.st_ino;
    }
}

/* proc(5): "number: references protocol flags type state inode path", the path not always */
static bool read_line(const char *line, struct unix_socket *socket)
{
    unsigned flags;
    unsigned type;
    int end = 0;

    memset(socket, 0, sizeof *socket);
    if (sscanf(line, "%*s %*x %*x %x %x %*x %u%n", &flags, &type, &socket->inode, &end) != 3)
        return false;
    socket->type = (int)type;
    socket->listens = flags & ACCEPTS;
    if (line[end] == ' ')
        read_name(socket, line + end + 1);
    return true;
}

int for_each_listed_unix_socket(bool (*visit)(const struct unix_socket *socket, void *argument),
                                void *argument)
{
    FILE *list = fopen("/proc/self/net/unix", "re");
    char line[512];
    bool more = true;

    if (!list)
        return -1;
    while (more && fgets(line, sizeof line, list)) {
        struct unix_socket socket;

        if (read_line(line, &socket))
            more = visit(&socket, argument);
    }
    fclose(list);
    return 0;
}
