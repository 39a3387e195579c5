/* /proc/net/unix, and the lines that somebody writes into it. */
#include "helper/kernel/proc_unix.h"

#include <sched.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "helper/kernel/unix_socket.h"
#include "unit.h"

#define TITLE "Num       RefCount Protocol Flags    Type St Inode Path\n"
#define LISTENER(inode, path)                                                                      \
    "0000000000000000: 00000002 00000000 00010000 0001 01 " inode path "\n"
#define CONNECTION(inode, path)                                                                    \
    "0000000000000000: 00000003 00000000 00000000 0001 03 " inode path "\n"

/* What was visited: "INODE NAME," each, with a + behind the number of a listener, and a ? if it is
 * doubtful. */
static char seen[512];

static bool note(const struct unix_socket *socket, void *argument)
{
    int *most = argument;
    size_t used = strlen(seen);

    snprintf(seen + used, sizeof seen - used, "%u%s%s %.*s,", socket->inode,
             socket->listens ? "+" : "", socket->doubtful ? "?" : "", (int)socket->name_length,
             socket->name);
    return !most || --*most > 0;
}

static const char *visited(const char *text, int *most)
{
    FILE *file = fdopen(file_with(text), "r");

    seen[0] = '\0';
    CHECK_INT(visit_listed_unix_sockets(file, note, most), 0);
    fclose(file);
    return seen;
}

TEST("every socket with an inode is visited, with its path")
{
    CHECK_TEXT(visited(TITLE LISTENER("   12", " /run/a") CONNECTION("    9", "")
                           CONNECTION("    0", " /run/a"),
                       NULL),
               "9 ,12+ /run/a,");
}

TEST("whoever has seen enough sees no more")
{
    int one = 1;

    CHECK_TEXT(visited(TITLE LISTENER("12", " /run/a") LISTENER("13", " /run/b"), &one),
               "12+ /run/a,");
}

TEST("of two lines about one socket neither is believed")
{
    /* in a name: a newline, and a line of its own */
    CHECK_TEXT(visited(TITLE LISTENER("12", " /run/a") LISTENER(
                           "20", " /x\n" LISTENER("12", " /evil")) LISTENER("13", " /run/b"),
                       NULL),
               "12? ,13+ /run/b,20+ /x,");
}

/* A socket of each case, in a network namespace of its own: nobody else is to be confused. */
static int bind_abstract(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct stat status;

    snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "%s", name);
    if (bind(fd, (struct sockaddr *)&address,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name))) == -1 ||
        listen(fd, 1) == -1 || fstat(fd, &status) == -1)
        abort();
    return (int)status.st_ino;
}

TEST("the name of a socket forges nothing about another")
{
    char name[100];
    char honest[40];
    int inode;

    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) == -1) /* not everybody may */
        return;
    inode = bind_abstract("honest");
    snprintf(name, sizeof name, "x\n0: 2 0 10000 1 1 %d /forged", inode);
    bind_abstract(name);
    snprintf(honest, sizeof honest, "%d? ,", inode);
    CHECK_INT(for_each_listed_unix_socket(note, NULL), 0);
    CHECK_PART(seen, honest);
    CHECK(!strstr(seen, "forged"));
}
