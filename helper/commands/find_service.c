/*
 * The name of the control socket is in the environment of every process of the
 * session but the helper itself, which listens on it. Anybody may name there what
 * he likes, so the kernel has to say that who answers is above that process.
 * Whoever has changed its environment, or belongs to somebody else, still has the
 * helper above it, or, as a daemon, is watched by one.
 */
#include "find_service.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "find_watcher.h"
#include "helper/base/clock.h"
#include "helper/base/operators_file.h"
#include "helper/base/usage.h"
#include "helper/kernel/procfile.h"
#include "helper/kernel/unix_sockets.h"
#include "unpacking.h"

enum { MOST_ANCESTORS = 64 };

static const char socket_prefix[] = "\0" SOCKET_PREFIX;

/* Once: whoever waits for a pidfile reads it again and again. */
static void name_other_writer(const char *path)
{
    static bool named;
    const char *writer = named ? NULL : other_writer(path);

    if (writer)
        fprintf(stderr, "tfhelper: %s: %s may write this pidfile, and so choose the process\n",
                path, writer);
    named = true;
}

/* The first word of a pidfile; false if it is not there, or nothing is in it yet. */
static bool read_pidfile(const char *path, char word[32])
{
    const char *why;
    int file = open_operators_file(path, &why);
    ssize_t size = 0;

    if (file == -1 && errno == ENOENT)
        return false;
    if (file == -1)
        end_with_error(EXIT_USAGE, "%s: %s; expected a pid or the path of a pidfile", path, why);
    size = read(file, word, 31);
    close(file);
    word[size > 0 ? size : 0] = '\0';
    word[strcspn(word, " \t\n")] = '\0';
    if (*word == '\0')
        return false;
    name_other_writer(path);
    return true;
}

pid_t read_pid(const char *text)
{
    char *end;
    long pid = strtol(text, &end, 10);
    char word[32];

    if (end == text || *end) {
        if (!read_pidfile(text, word))
            return 0;
        pid = strtol(word, &end, 10);
        if (end == word || *end)
            end_with_error(EXIT_USAGE, "%s: does not begin with a pid", text);
    }
    if (pid < 1 || pid > 0x7fffffff)
        end_with_error(EXIT_USAGE, "%s: no pid; a pid is greater than 0", text);
    return (pid_t)pid;
}

/* From SESSION_VARIABLE in the environment of one of the server's processes. */
static bool find_in_environment(pid_t pid, char *name)
{
    size_t size;
    const char *text = read_proc_file(pid, "environ", &size);
    const char *value = text ? find_variable(text, size, SESSION_VARIABLE) : NULL;
    size_t version =
        value ? strspn(value, "0123456789") : 0; /* any: the rest is what it always is */

    if (version == 0 || value[version] != '/' ||
        strspn(value + version + 1, "0123456789abcdef") != SESSION_NAME_LENGTH)
        return false;
    memcpy(name, value + version + 1, SESSION_NAME_LENGTH);
    return true;
}

struct search {
    const struct open_socket *held;
    size_t count;
    char name[SESSION_NAME_LENGTH];
    bool found;
};

static bool is_control_socket(const struct unix_socket *socket, void *argument)
{
    struct search *search = argument;
    const size_t prefix = sizeof socket_prefix - 1;

    if (!socket->listens || socket->name_length != prefix + SESSION_NAME_LENGTH ||
        memcmp(socket->name, socket_prefix, prefix) != 0)
        return true;
    for (size_t i = 0; i < search->count; i++)
        search->found |= search->held[i].inode == socket->inode;
    if (search->found)
        memcpy(search->name, socket->name + prefix, SESSION_NAME_LENGTH);
    return !search->found;
}

/* Is this process a helper? Then it listens on the control socket. */
static bool find_in_sockets(pid_t pid, char *name)
{
    struct open_socket *held = NULL;
    struct search search = {0};

    list_sockets(pid, &held, &search.count);
    search.held = held;
    if (search.count > 0)
        for_each_unix_socket(is_control_socket, &search);
    free(held);
    if (search.found)
        memcpy(name, search.name, sizeof search.name);
    return search.found;
}

/* Returns -1 with errno set. Whoever listens there and lets nobody in does not hold us up. */
static int connect_to(const char *name, struct ucred *peer)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length =
        snprintf(address.sun_path + 1, sizeof address.sun_path - 1, SOCKET_PREFIX "%s", name);
    static const struct timeval patience = {5, 0};
    socklen_t size = sizeof *peer;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (fd == -1)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) == 0 &&
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &size) == 0)
        return fd;
    close_connection(fd);
    return -1;
}

int connect_to_service(const struct service *service)
{
    struct ucred peer;
    int fd = connect_to(service->name, &peer);

    if (fd == -1 || (peer.pid == service->opener && peer.uid == service->user))
        return fd;
    close_connection(fd);
    errno = ECONNREFUSED;
    return -1;
}

/* Who is that? False if nobody listens there, in this network namespace. */
static bool find_opener(struct service *service)
{
    struct ucred peer;
    int fd = connect_to(service->name, &peer);

    if (fd == -1)
        return errno != ECONNREFUSED;
    close_connection(fd);
    service->opener = peer.pid;
    service->user = peer.uid;
    return true;
}

static bool is_above(pid_t ancestor, pid_t pid)
{
    for (int i = 0; i < MOST_ANCESTORS && pid > 0; i++) {
        if (pid == ancestor)
            return true;
        pid = parent_of(pid);
    }
    return false;
}

static bool is_right_in_environment(struct service *service)
{
    return find_in_environment(service->pid, service->name) && find_opener(service) &&
           is_above(service->opener, service->pid);
}

/* Where nobody listens there is nobody to be deceived by, and a reason to be told. */
static bool is_out_of_reach(struct service *service)
{
    return find_in_environment(service->pid, service->name) && !find_opener(service);
}

static bool is_helper_of(pid_t helper, struct service *service)
{
    if (!find_in_sockets(helper, service->name))
        return false;
    (void)find_opener(service);
    return true;
}

bool is_helper(pid_t pid, struct service *service)
{
    memset(service, 0, sizeof *service);
    service->pid = pid;
    return is_helper_of(pid, service);
}

enum found find_service(pid_t pid, struct service *service)
{
    pid_t ancestor = pid;

    memset(service, 0, sizeof *service);
    service->pid = pid;
    if (kill(pid, 0) == -1 && errno == ESRCH)
        return NO_PROCESS;
    if (is_right_in_environment(service))
        return FOUND;
    for (int i = 0; i < MOST_ANCESTORS && ancestor > 0; i++) {
        if (is_helper_of(ancestor, service))
            return FOUND;
        ancestor = parent_of(ancestor);
    }
    for (ancestor = pid; ancestor > 1; ancestor = parent_of(ancestor))
        if (is_helper_of(find_watcher(ancestor), service))
            return FOUND;
    return is_out_of_reach(service) ? FOUND : NOT_A_SERVICE;
}

/* A shell's $! is known before the shell has executed anything under it. */
static const int64_t birth_patience = 5 * SECOND;

bool is_newborn(pid_t pid)
{
    int64_t age = age_of(pid);

    return age >= 0 && age < birth_patience;
}

static enum found find_patiently(pid_t pid, struct service *service)
{
    static const struct timespec moment = {0, 20 * MILLISECOND};
    enum found found;

    while ((found = find_service(pid, service)) == NOT_A_SERVICE && is_newborn(pid))
        nanosleep(&moment, NULL);
    return found;
}

struct service require_service(const char *text)
{
    struct service service = {0};
    pid_t pid = read_pid(text);

    if (pid == 0)
        end_with_error(EXIT_NO_SERVICE,
                       "%s: no such pidfile, or an empty one; the service is not running", text);
    switch (find_patiently(pid, &service)) {
    case FOUND:
        return service;
    case NO_PROCESS:
        end_with_error(EXIT_NO_SERVICE, "there is no process %d", pid);
    case NOT_A_SERVICE:
        break;
    }
    end_with_error(EXIT_NO_SERVICE,
                   "process %d does not belong to a service of tfpreload that you may control; "
                   "start it with tfhelper or LD_PRELOAD, and ask as its user or root",
                   pid);
}
