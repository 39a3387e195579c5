/* What the processes report, as they retire or when they are asked, becomes what is known. */
#include "socket_reports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/processes/orders.h"

static bool is_among(const struct endpoint *list, size_t count, uint16_t port)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].family != AF_UNIX && list[i].port == port)
            return true;
    return false;
}

/* As a leftover is: see leave_set(). */
static bool is_connected_to_itself(const struct socket_report *report)
{
    return report->local_port == report->peer_port &&
           memcmp(report->local, report->peer, sizeof report->local) == 0;
}

/*
 * Did it come in at one of the ports? Both families: one listener may serve both (ipv6(7)). A
 * session over DTLS has a socket of its own on the service's port, connected to the client.
 */
static bool is_at_endpoint(const struct generation *generation, const struct socket_report *report)
{
    uint16_t port = ntohs(report->local_port);

    return report->protocol == IPPROTO_UDP
               ? is_among(generation->datagrams, generation->datagram_count, port) &&
                     !is_connected_to_itself(report)
               : is_among(generation->endpoints, generation->endpoint_count, port);
}

static struct known_socket understand(const struct generation *generation,
                                      const struct socket_report *report)
{
    struct known_socket known = {.inode = report->inode, .kind = NO_CONNECTION};

    if ((report->family != AF_INET && report->family != AF_INET6) ||
        !is_at_endpoint(generation, report))
        return known;
    known.kind = CONNECTION;
    known.family = report->protocol == IPPROTO_TCP ? (uint8_t)report->family : 0;
    known.id.idiag_sport = report->local_port;
    known.id.idiag_dport = report->peer_port;
    known.id.idiag_if = report->device;
    known.id.idiag_cookie[0] = known.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    memcpy(known.id.idiag_src, report->local, sizeof known.id.idiag_src);
    memcpy(known.id.idiag_dst, report->peer, sizeof known.id.idiag_dst);
    return known;
}

void socket_described(struct generation *generation, const struct socket_report *report)
{
    add_known(&generation->drainage.sockets, understand(generation, report));
}

void sockets_reported(struct generation *generation, const struct sockets_message *sockets)
{
    if (!is_retiring(generation->state) && !is_draining(generation->state))
        return;
    for (size_t i = 0; i < sockets->message.count; i++)
        socket_described(generation, &sockets->report[i]);
}

/*
 * It is asked for the rest when it has served its clients for a while. Nobody looks for what
 * is told meanwhile.
 */
static void process_counts(struct generation *generation, pid_t pid)
{
    int64_t next = note_part(&generation->asked, pid);

    generation->drainage.inquiry.progress = now();
    if (next != 0 && next < generation->next_timer)
        generation->next_timer = next;
}

void process_counted(struct generation *generation, pid_t pid, int error)
{
    bool inquires = is_draining(generation->state) && generation->drainage.inquiry.open;

    if (error == EAGAIN) {
        if (inquires)
            process_counts(generation, pid);
        return;
    }
    if (error)
        log_line(LEVEL_DEBUG, "generation %u: process %d cannot list its sockets: %s",
                 generation->number, pid, strerror(error));
    if (error || !inquires || !note_answer(&generation->asked, pid))
        return;
    generation->drainage.inquiry.progress = now();
    if (!find_silent(&generation->asked))
        happen(generation, ANSWERED);
}
