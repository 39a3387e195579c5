#include "watchers.h"

#include <sys/socket.h>

#include "helper/base/memory.h"
#include "preload/wire/packet.h"
#include "reports.h"

static int *watchers;
static size_t count;

void add_watcher(int fd)
{
    watchers = grow(watchers, count + 1, sizeof *watchers);
    watchers[count++] = fd;
}

void remove_watcher(int fd)
{
    for (size_t i = 0; i < count; i++)
        if (watchers[i] == fd) {
            watchers[i] = watchers[--count];
            return;
        }
}

size_t count_watchers(void)
{
    return count;
}

void tell_watchers(const struct report *report)
{
    const struct outgoing packet = {.data = report, .size = sizeof *report};

    /* not closed here: the event that is told of may have come from this very peer */
    for (size_t i = 0; i < count; i++)
        if (send_packet(watchers[i], &packet, MSG_DONTWAIT) == -1)
            shutdown(watchers[i], SHUT_RDWR);
}
