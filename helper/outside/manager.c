#include "manager.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/base/plain.h"
#include "helper/generation/generation.h"
#include "helper/settings/settings.h"
#include "preload/wire/packet.h"

/* What a generation may take beyond its timeouts. */
static const int64_t margin = 5 * SECOND;

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_length;
static int to_manager = -1;

void find_manager(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t length = path ? strlen(path) : 0;

    /* sd_notify(3): a path, or @ and an abstract name */
    if (length < 2 || length >= sizeof address.sun_path || (*path != '/' && *path != '@'))
        return;
    memcpy(address.sun_path, path, length);
    if (*path == '@')
        address.sun_path[0] = '\0';
    address_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    to_manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

bool has_manager(void)
{
    return to_manager != -1;
}

void send_to_manager(const char *text, size_t size, const int *descriptors, size_t count)
{
    const struct outgoing packet = {text, size, descriptors, count, &address, address_length};

    /* a manager that does not read must not hold up an upgrade */
    if (to_manager != -1 && send_packet(to_manager, &packet, MSG_DONTWAIT) == -1)
        log_line(LEVEL_DEBUG, "the service manager does not take what it is told");
}

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void tell(const char *format, ...)
{
    char text[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    send_to_manager(text, strlen(text), NULL, 0);
}

static int64_t microseconds(int64_t nanoseconds)
{
    return nanoseconds / 1000;
}

/* Until a new generation is ready, or has been stopped because it was not. */
static int64_t time_to_start(void)
{
    return microseconds(settings.ready_timeout + settings.stop_timeout + margin);
}

void tell_manager_starting(void)
{
    tell("EXTEND_TIMEOUT_USEC=%" PRId64, time_to_start());
}

/* sd_notify(3): RELOADING=1 needs the time, so that the manager can tell it from an older one */
void tell_manager_upgrading(const struct generation *new)
{
    tell("RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\nEXTEND_TIMEOUT_USEC=%" PRId64
         "\nSTATUS=Upgrading to generation %u",
         microseconds(now()), time_to_start(), new->number);
}

void tell_manager_ready(const struct generation *generation)
{
    tell("READY=1\nSTATUS=Generation %u serves, ready after %s", generation->number,
         duration_text(now() - generation->started));
}

void tell_manager_failed(const struct generation *generation, const char *reason)
{
    char text[768];

    /* a line of its own would be another message: a path may hold anything */
    snprintf(text, sizeof text, "%s", reason);
    if (!current) {
        tell("STATUS=The upgrade to generation %u failed: %s; what generation %u was is started "
             "again",
             generation->number, make_plain(text), generation->replaces);
        return;
    }
    tell("READY=1\nSTATUS=The upgrade to generation %u failed: %s; generation %u serves on",
         generation->number, make_plain(text), current->number);
}

void tell_manager_rolled_back(const struct generation *failed, const struct generation *old)
{
    tell("STATUS=Generation %u was rolled back: %s; generation %u serves again", failed->number,
         failed->reason, old->number);
}

void tell_manager_restarted(const struct generation *ended, const struct generation *new,
                            const char *why)
{
    char text[768];

    snprintf(text, sizeof text, "%s", why);
    tell("STATUS=Generation %u: %s; generation %u is started in its place", ended->number,
         make_plain(text), new->number);
}

void tell_manager_draining(const struct generation *old, size_t connections)
{
    tell("STATUS=Generation %u serves; generation %u has %zu connection%s left", current->number,
         old->number, connections, connections == 1 ? "" : "s");
}

void tell_manager_ending(void)
{
    tell("STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRId64 "\nSTATUS=Finishing connections",
         microseconds(settings.exit_timeout + settings.stop_timeout + margin));
}
