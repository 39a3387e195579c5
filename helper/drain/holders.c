/*
 * The kernel is asked about each connection by its addresses, since a list of all sockets costs too
 * much (see tcp_sockets.c). Unix sockets have no peer with a name, and are not told of.
 */
#include "holders.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/kernel/sock_diag.h"
#include "helper/kernel/tcp_activity.h"
#include "helper/kernel/tcp_sockets.h"

enum { MOST_ASKED = 512 };

/* Where data moved so recently, more of it is likely to be on its way. */
static const int64_t just_now = SECOND;

static void write_peer(char text[PEER_TEXT], const struct known_socket *known)
{
    char host[INET6_ADDRSTRLEN] = "?";

    inet_ntop(known->family, known->id.idiag_dst, host, sizeof host);
    snprintf(text, PEER_TEXT, known->family == AF_INET6 ? "[%s]:%u" : "%s:%u", host,
             (unsigned)ntohs(known->id.idiag_dport));
}

static bool is_in_progress(const struct tcp_activity *activity)
{
    return activity->unread > 0 || activity->unacknowledged > 0 || activity->asked ||
           (activity->quiet >= 0 && activity->quiet < just_now);
}

/* In front of those that are not in progress, if it is; behind all, if there is room. */
static void add_holder(struct holders *holders, const struct holder *holder)
{
    size_t place = holders->count;

    if (holder->in_progress)
        place = holders->in_progress++;
    if (place >= MOST_HOLDERS)
        return;
    if (holders->count < MOST_HOLDERS)
        holders->count++;
    memmove(&holders->item[place + 1], &holders->item[place],
            (holders->count - place - 1) * sizeof *holder);
    holders->item[place] = *holder;
}

struct holders look_at_holders(const struct generation *generation)
{
    const struct known_sockets *sockets = &generation->drainage.sockets;
    struct holders holders = {.count = 0};
    int diag = open_sock_diag();
    size_t asked = 0;

    for (size_t i = 0; i < sockets->count && asked < MOST_ASKED && diag != -1; i++) {
        const struct known_socket *known = &sockets->item[i];
        struct tcp_activity activity;
        struct holder holder;

        if (known->kind != CONNECTION || !known->family)
            continue;
        asked++;
        if (find_tcp_socket(diag, known->family, &known->id, known->inode, &activity) != IS_THERE)
            continue;
        holder = (struct holder){.pending = (int64_t)activity.unread + activity.unacknowledged,
                                 .quiet = activity.quiet,
                                 .in_progress = is_in_progress(&activity)};
        write_peer(holder.peer, known);
        add_holder(&holders, &holder);
    }
    if (diag != -1)
        close(diag);
    return holders;
}

void log_holders(const struct generation *generation)
{
    struct holders holders = look_at_holders(generation);
    char text[MOST_HOLDERS * 128] = "";
    size_t used = 0;

    for (size_t i = 0; i < holders.count; i++) {
        const struct holder *holder = &holders.item[i];

        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "%s%s, %lld bytes pending, "
                                 "quiet for %s",
                                 i > 0 ? "; " : "", holder->peer, (long long)holder->pending,
                                 duration_text(holder->quiet));
    }
    if (holders.count > 0)
        log_line(LEVEL_INFO, "generation %u: %zu of them in progress: %s", generation->number,
                 holders.in_progress, text);
}
