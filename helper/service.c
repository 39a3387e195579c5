/*
 * The name of the control socket is in the environment of every process of the
 * session but the helper itself, which listens on it. Whoever has changed its
 * environment, or belongs to somebody else, still has the helper above it, or, as
 * a daemon, is watched by one.
 */
#include "service.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "find_watcher.h"
#include "procfile.h"
#include "unix_sockets.h"
#include "usage.h"

enum { MOST_ANCESTORS = 64 };

static const char socket_prefix[] = "\0" SOCKET_PREFIX;

/* The first word of a pidfile; false if it is not there, or nothing is in it yet. */
static bool read_pidfile(const char *path, char word[32])
{
    FILE *file = fopen(path, "re");

    word[0] = '\0';
    if (!file && errno == ENOENT)
        return false;
    if (file && (fgets(word, 32, file) || !ferror(file)))
        fclose(file);
    else
        end_with_error(EXIT_USAGE, "%s: %s; expected a pid or the path of a pidfile", path,
                       strerror(errno));
    word[strcspn(word, " \t\n")] = '\0';
    return *word != '\0';
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
    static char text[256 * 1024];
    ssize_t size = read_proc_file(pid, "environ", text, sizeof text);
    char prefix[16];
    size_t length = (size_t)snprintf(prefix, sizeof prefix, "%d/", PROTOCOL_VERSION);

    for (const char *at = text; at - text < size; at += strlen(at) + 1) {
        const char *value = at + sizeof SESSION_VARIABLE;

        if (strncmp(at, SESSION_VARIABLE "=", sizeof SESSION_VARIABLE) != 0)
            continue;
        if (strncmp(value, prefix, length) != 0 ||
            strspn(value + length, "0123456789abcdef") != SESSION_NAME_LENGTH)
            return false;
        memcpy(name, value + length, SESSION_NAME_LENGTH);
        return true;
    }
    return false;
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

enum found find_service(pid_t pid, struct service *service)
{
    pid_t ancestor = pid;

    memset(service, 0, sizeof *service);
    service->pid = pid;
    if (kill(pid, 0) == -1 && errno == ESRCH)
        return NO_PROCESS;
    if (find_in_environment(pid, service->name))
        return FOUND;
    for (int i = 0; i < MOST_ANCESTORS && ancestor > 0; i++) {
        if (find_in_sockets(ancestor, service->name))
            return FOUND;
        ancestor = parent_of(ancestor);
    }
    for (ancestor = pid; ancestor > 1; ancestor = parent_of(ancestor))
        if (find_in_sockets(find_watcher(ancestor), service->name))
            return FOUND;
    return NOT_A_SERVICE;
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
