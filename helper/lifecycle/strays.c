/*
 * A static program below a shell, or one that was executed with an environment
 * of its own: it listens, and takes no orders. Only such processes are looked
 * into, and most of these have no socket at all.
 *
 * A back end may have been given its listener by a process of ours, as by
 * Apache's mod_fcgid, which makes a path of its own for each. Whoever does so in the
 * next generation binds before our eyes: so the upgrade goes on, and fails if that
 * bind() needs an address which a back end has still, whether the server would mind
 * or not. A datagram socket may be a client's; where it is not, bind() shows it.
 * Nothing is known of what a stray has bound itself.
 */
#include "strays.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "helper/base/log.h"
#include "helper/base/memory.h"
#include "helper/check/unfit.h"
#include "helper/generation/generation.h"
#include "helper/kernel/lookup.h"
#include "helper/kernel/procfile.h"
#include "helper/processes/family.h"
#include "helper/processes/held_listeners.h"
#include "preload/wire/keys.h"
#include "preload/wire/protocol.h"
#include "receivers.h"

/* What a stray was given, and whose. One upgrade runs at a time. */
struct given {
    struct listener listener;
    pid_t pid;
};

static struct given *given;
static size_t given_count;

struct search {
    pid_t pid;
    const struct generation *generation;
    struct inheritance *inheritance; /* NULL: whatever it listens on counts */
    bool found;
    char address[ADDRESS_TEXT];
};

/* That of another tfhelper: a CGI program may get LD_PRELOAD alone, and so a session of its own. */
static bool is_control_socket(const struct listener *listener)
{
    static const char start[] = "@" SOCKET_PREFIX;

    return strncmp(listener->address, start, sizeof start - 1) == 0;
}

/* A port may be shared with those that gave it, and is said; nobody else looks for a back end's
 * path. */
static bool is_given(const struct search *search, const struct listener *listener)
{
    return (search->inheritance || strncmp(listener->kind, "unix", 4) == 0) &&
           has_bound(search->generation, listener->inode);
}

static void note_given(const struct search *search, const struct listener *listener)
{
    given = grow(given, given_count + 1, sizeof *given);
    given[given_count++] = (struct given){*listener, search->pid};
}

static void note_stray(const struct listener *listener, void *argument)
{
    struct search *search = argument;

    /* a datagram socket may be a client's; and a service of its own may have been started below */
    if (listener->limit == -1 || is_control_socket(listener) ||
        (search->inheritance && find_inherited(search->inheritance, listener->inode)))
        return;
    if (is_given(search, listener)) {
        if (search->inheritance)
            note_given(search, listener);
        return;
    }
    search->found = true;
    snprintf(search->address, sizeof search->address, "%s", listener->address);
}

static void say_why(pid_t pid, const char *name, const char *unfit, const char *address, char *why,
                    size_t size)
{
    snprintf(why, size, "process %d, %s, %s, so that its listener on %s cannot be inherited", pid,
             name, unfit, address);
}

/*
 * Why this process listens without us, or NULL; the program's name into `name`. Where that cannot
 * be looked at, `error` is why.
 */
static const char *why_stray(const struct member *member, struct search *search,
                             char name[PATH_MAX], int *error)
{
    *error = 0;
    if (member->takes_orders)
        return NULL;
    if (for_each_listener_of(member->pid, note_stray, search) == -1 && !is_denied(errno))
        *error = errno;
    return search->found ? why_unfit_process(member->pid, name) : NULL;
}

bool has_stray(const struct generation *generation, struct inheritance *inheritance, char *why,
               size_t size)
{
    const struct family *family = latest_family(); /* all have just been asked */

    given_count = 0;
    for (size_t i = 0; i < family->count; i++) {
        const struct member *member = &family->member[i];
        struct search search = {member->pid, .generation = generation, .inheritance = inheritance};
        char name[PATH_MAX];
        const char *unfit = NULL;
        int error = 0;

        if (member->generation == generation->number)
            unfit = why_stray(member, &search, name, &error);
        if (unfit)
            say_why(member->pid, name, unfit, search.address, why, size);
        else if (error)
            snprintf(why, size, "process %d cannot be looked into: %s", member->pid,
                     strerror(error));
        if (unfit || error)
            return true;
    }
    return false;
}

static bool is_wildcard(const char *address)
{
    return strncmp(address, "0.0.0.0:", 8) == 0 || strncmp(address, "[::]:", 5) == 0;
}

/* Both as for_each_listener() has them. */
static bool overlap(const char *one, const char *other)
{
    return strcmp(one, other) == 0 || (strcmp(strrchr(one, ':'), strrchr(other, ':')) == 0 &&
                                       (is_wildcard(one) || is_wildcard(other)));
}

static bool needs_port(const struct listener_key *key, const struct listener *listener)
{
    char host[INET6_ADDRSTRLEN] = "?";
    char text[sizeof listener->address];
    struct sockaddr_in6 v6;
    struct sockaddr_in v4;

    if (key->type != SOCK_STREAM || strcmp(listener->kind, "tcp") != 0)
        return false;
    memcpy(&v6, key->address, sizeof v6);
    memcpy(&v4, key->address, sizeof v4);
    if (key->family == AF_INET6)
        inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
    else
        inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
    snprintf(text, sizeof text, key->family == AF_INET6 ? "[%s]:%u" : "%s:%u", host,
             (unsigned)ntohs(v4.sin_port)); /* it stands where it does in v6 */
    return overlap(text, listener->address);
}

static bool needs_path(const struct listener_key *key, const struct listener *listener)
{
    struct file_identity identity = identity_of(key);
    struct stat file;

    if (strncmp(listener->kind, "unix", 4) != 0)
        return false;
    if (listener->address[0] == '@')
        return key->address[sizeof(sa_family_t)] == '\0' &&
               strncmp((const char *)key->address + sizeof(sa_family_t) + 1, listener->address + 1,
                       sizeof key->address - sizeof(sa_family_t) - 1) == 0;
    return key->address_length == FILE_IDENTITY_LENGTH && stat(listener->address, &file) == 0 &&
           file.st_dev == identity.device && file.st_ino == identity.inode;
}

/* It may have ended since, and a server that is started again finds its address free. */
static bool is_held_still(const struct given *item)
{
    struct open_socket *held = NULL;
    size_t count = 0;
    bool found = list_sockets(item->pid, &held, &count) == CANNOT_TELL;

    for (size_t i = 0; i < count; i++)
        found |= held[i].inode == item->listener.inode;
    free(held);
    return found;
}

bool is_stray_there(const struct listener_key *key, char *why, size_t size)
{
    for (size_t i = 0; i < given_count; i++) {
        const struct listener *listener = &given[i].listener;
        char name[PATH_MAX];
        const char *unfit;

        if ((key->family == AF_UNIX ? !needs_path(key, listener) : !needs_port(key, listener)) ||
            !is_held_still(&given[i]))
            continue;
        unfit = why_unfit_process(given[i].pid, name);
        if (unfit)
            say_why(given[i].pid, name, unfit, listener->address, why, size);
        return unfit;
    }
    return false;
}

void warn_of_strays(const struct generation *generation)
{
    const struct family *family = look_at_family();

    for (size_t i = 0; i < family->count; i++) {
        const struct member *member = &family->member[i];
        struct search search = {member->pid, .generation = generation};
        char name[PATH_MAX];
        const char *unfit = NULL;
        int error;

        if (member->generation == generation->number)
            unfit = why_stray(member, &search, name, &error);
        if (unfit)
            warn_of_unfit_process(member->pid, name, unfit);
    }
}

void warn_of_unfit_members(const struct generation *generation)
{
    const struct family *family = look_at_family();

    for (size_t i = 0; i < family->count; i++) {
        pid_t pid = family->member[i].pid;
        char name[PATH_MAX];
        const char *why = NULL;

        if (family->member[i].generation == generation->number)
            why = why_unfit_process(pid, name);
        if (why)
            warn_of_unfit_process(pid, name, why);
    }
}
