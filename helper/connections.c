/*
 * /proc/PID/fd says which sockets the generation's processes hold. What each of
 * them is, the processes have reported as they retired; about others (taken
 * by accept() at that very moment) one process that holds them is asked. A
 * socket remains what it is, and a retired generation accepts no more: so the
 * count is mostly one of known sockets that are still held, and disturbs
 * nobody. Only when none is left is everything unknown looked into.
 *
 * A process that has changed its uid may not be looked into without
 * CAP_SYS_PTRACE: proc(5). It can report like any other, and what it has
 * reported is held for as long as the kernel finds it by its addresses.
 */
#include "connections.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "family.h"
#include "generation.h"
#include "internet_sockets.h"
#include "log.h"
#include "memory.h"
#include "orders.h"
#include "procfile.h"
#include "sock_diag.h"
#include "tcp_sockets.h"
#include "unix_sockets.h"

/* Who has not answered after this time, a stopped process, is judged from outside. */
static const int64_t patience = SECOND;

/* A connection that the peer has reset stays open until the server closes it, if it ever does. */
static const int64_t check_pace = 2 * SECOND;
enum { CHECKS_PER_LOOK = 256 };

/* One look at the processes of a generation. */
struct look {
    struct generation *generation;
    struct open_socket *held; /* sorted by inode; one that is shared, once a process */
    size_t held_count;
    pid_t *blind; /* processes that we may not look into */
    size_t blind_count;
    int diag; /* to ask the kernel about TCP sockets */
    size_t left;
    bool doubtful; /* some of these are held only if the process reports them again */
};

static int compare_sockets(const void *one, const void *other)
{
    const struct open_socket *a = one;
    const struct open_socket *b = other;

    return a->inode < b->inode ? -1 : a->inode > b->inode;
}

static struct look look_into_processes(struct generation *generation)
{
    const struct family *family = look_at_family();
    struct look look = {.generation = generation, .diag = -1};

    for (size_t i = 0; i < family->count; i++) {
        pid_t pid = family->member[i].pid;

        if (family->member[i].generation != generation->number ||
            list_sockets(pid, &look.held, &look.held_count) == 0 || errno != EACCES)
            continue;
        look.blind = grow(look.blind, look.blind_count + 1, sizeof *look.blind);
        look.blind[look.blind_count++] = pid;
    }
    if (look.held_count > 0)
        qsort(look.held, look.held_count, sizeof *look.held, compare_sockets);
    return look;
}

static void end_look(struct look *look)
{
    free(look->held);
    free(look->blind);
    if (look->diag != -1)
        close(look->diag);
}

/* The first entry of this socket, or NULL when nobody that we can look into holds it. */
static const struct open_socket *find_held(const struct look *look, unsigned long long inode)
{
    struct open_socket key = {.inode = inode};
    const struct open_socket *found = NULL;

    if (look->held_count > 0)
        found = bsearch(&key, look->held, look->held_count, sizeof key, compare_sockets);
    while (found && found > look->held && found[-1].inode == inode)
        found--;
    return found;
}

static enum lookup find_by_address(struct look *look, struct known_socket *known)
{
    enum lookup found = CANNOT_TELL;

    if (look->diag == -1)
        look->diag = open_sock_diag();
    if (known->family)
        found = find_tcp_socket(look->diag, known->family, &known->id, known->inode);
    known->checked = now();
    known->seen |= found == IS_THERE;
    return found;
}

/* A socket that is held: is it alive, or did the peer reset it? Only who was found can be lost. */
static bool is_alive(struct look *look, struct known_socket *known, int *checks)
{
    if (known->doubted || !known->family || *checks == 0 || now() - known->checked < check_pace)
        return true;
    (*checks)--;
    if (find_by_address(look, known) != IS_GONE)
        return true;
    known->kind = known->seen ? NO_CONNECTION : UNDECIDED;
    known->doubted = true;
    return false;
}

/* A socket that was reported by a process that we cannot look into: is it still held? */
static bool is_still_there(struct look *look, struct known_socket *known)
{
    const struct inquiry *inquiry = &look->generation->inquiry;
    enum lookup found = find_by_address(look, known);

    if (known->seen && found == IS_GONE)
        known->kind = NO_CONNECTION;
    if (known->seen)
        return found != IS_GONE;
    if (!inquiry->open && known->said < inquiry->since)
        return false;
    look->doubtful = true;
    return true;
}

struct unix_tally {
    struct look *look;
    const struct endpoint *endpoint;
};

/* unix(7): an accepted socket has the name of its listener. */
static bool came_in_at(const struct unix_socket *socket, const struct endpoint *endpoint)
{
    char name[sizeof endpoint->name] = {0};

    memcpy(name, socket->name, socket->name_length);
    return !socket->listens && memcmp(name, endpoint->name, sizeof name) == 0;
}

static bool count_unix_socket(const struct unix_socket *socket, void *argument)
{
    struct unix_tally *tally = argument;
    struct look *look = tally->look;

    if (came_in_at(socket, tally->endpoint) &&
        (find_held(look, socket->inode) ||
         (look->blind_count > 0 && find_known(&look->generation->sockets, socket->inode))))
        look->left++;
    return true;
}

static void count_left(struct look *look)
{
    struct known_sockets *sockets = &look->generation->sockets;
    int checks = CHECKS_PER_LOOK;

    tidy_known(sockets);
    look->left = 0;
    look->doubtful = false;
    for (size_t i = 0; i < sockets->count; i++) {
        struct known_socket *known = &sockets->item[i];

        if (known->kind != CONNECTION)
            continue;
        if (find_held(look, known->inode))
            look->left += is_alive(look, known, &checks);
        else if (look->blind_count > 0)
            look->left += is_still_there(look, known);
    }
    for (size_t i = 0; i < look->generation->endpoint_count; i++) {
        struct unix_tally tally = {look, &look->generation->endpoints[i]};

        if (tally.endpoint->family == AF_UNIX)
            for_each_unix_socket(count_unix_socket, &tally);
    }
}

/* What nobody holds any more need not be known. */
static void forget_closed(const struct look *look)
{
    struct known_sockets *sockets = &look->generation->sockets;
    size_t kept = 0;

    for (size_t i = 0; i < sockets->count; i++)
        if (find_held(look, sockets->item[i].inode) ||
            (look->blind_count > 0 && (sockets->item[i].kind == CONNECTION ||
                                       sockets->item[i].said >= look->generation->inquiry.since)))
            sockets->item[kept++] = sockets->item[i];
    sockets->count = sockets->sorted = kept;
}

static bool serves_internet(const struct generation *generation)
{
    for (size_t i = 0; i < generation->endpoint_count; i++)
        if (generation->endpoints[i].family != AF_UNIX)
            return true;
    return false;
}

/* Which sockets is there nothing known of? */
static void begin_inquiry(const struct look *look)
{
    struct generation *generation = look->generation;
    struct inquiry *inquiry = &generation->inquiry;

    forget_asked(generation);
    inquiry->open = true;
    inquiry->of_blind = look->left == 0 || look->doubtful;
    inquiry->since = inquiry->progress = now();
    inquiry->count = 0;
    for (size_t i = 0; i < look->held_count && serves_internet(generation); i++) {
        unsigned long long inode = look->held[i].inode;

        if ((i > 0 && look->held[i - 1].inode == inode) || is_decided(&generation->sockets, inode))
            continue;
        inquiry->inode = grow(inquiry->inode, inquiry->count + 1, sizeof *inquiry->inode);
        inquiry->inode[inquiry->count++] = inode;
    }
}

/* What has been closed meanwhile, or decided, is no question any more. */
static void shorten_inquiry(const struct look *look)
{
    struct inquiry *inquiry = &look->generation->inquiry;
    size_t kept = 0;

    for (size_t i = 0; i < inquiry->count; i++)
        if (find_held(look, inquiry->inode[i]) &&
            !is_decided(&look->generation->sockets, inquiry->inode[i]))
            inquiry->inode[kept++] = inquiry->inode[i];
    if (kept < inquiry->count)
        inquiry->progress = now();
    inquiry->count = kept;
}

static const struct member *find_answerer(pid_t pid)
{
    const struct member *member = find_member(pid);

    return member && member->takes_orders && !member->sandboxed ? member : NULL;
}

/* Ask one of those that hold this socket. Returns false when none of them can answer. */
static bool ask_about(const struct look *look, unsigned long long inode)
{
    const struct open_socket *end = look->held + look->held_count;

    for (const struct open_socket *at = find_held(look, inode); at < end && at->inode == inode;
         at++) {
        const struct member *member = find_answerer(at->pid);

        if (member && order_member(look->generation, member, ORDER_COUNT))
            return true;
    }
    return false;
}

static struct known_socket described(const struct inet_diag_msg *entry)
{
    return (struct known_socket){.inode = entry->idiag_inode,
                                 .kind = CONNECTION,
                                 .family = entry->idiag_family,
                                 .id = entry->id};
}

/* The sockets that nobody can be asked about, and what the kernel's lists say of them. */
struct judgement {
    struct generation *generation;
    const unsigned long long *inode; /* NULL: every one is taken for the generation's own */
    size_t count;
    const struct endpoint *endpoint;
};

static int compare_inodes(const void *one, const void *other)
{
    unsigned long long a = *(const unsigned long long *)one;
    unsigned long long b = *(const unsigned long long *)other;

    return a < b ? -1 : a > b;
}

static bool is_judged(const struct judgement *judgement, unsigned long long inode)
{
    return !judgement->inode ||
           bsearch(&inode, judgement->inode, judgement->count, sizeof inode, compare_inodes);
}

static bool judge_tcp_connection(const struct inet_diag_msg *entry, void *argument)
{
    const struct judgement *judgement = argument;

    /* inode 0: held by nobody */
    if (entry->idiag_inode != 0 && is_judged(judgement, entry->idiag_inode))
        add_known(&judgement->generation->sockets, described(entry));
    return true;
}

/* A unix socket is counted as such, and so no connection of those that are known by inode. */
static bool judge_unix_socket(const struct unix_socket *socket, void *argument)
{
    const struct judgement *judgement = argument;

    if (judgement->inode ? is_judged(judgement, socket->inode)
                         : judgement->endpoint && came_in_at(socket, judgement->endpoint))
        add_known(&judgement->generation->sockets,
                  (struct known_socket){.inode = socket->inode, .kind = NO_CONNECTION});
    return true;
}

static void judge_tcp_connections(const struct look *look, struct judgement *judgement)
{
    /* not TIME_WAIT, SYN_RECV, CLOSE and LISTEN: nobody holds a connection there */
    static const uint32_t alive = 1u << TCP_ESTABLISHED | 1u << TCP_SYN_SENT | 1u << TCP_FIN_WAIT1 |
                                  1u << TCP_FIN_WAIT2 | 1u << TCP_CLOSE_WAIT | 1u << TCP_LAST_ACK |
                                  1u << TCP_CLOSING;
    const struct generation *generation = look->generation;

    for (size_t i = 0; i < generation->endpoint_count; i++) {
        const struct endpoint *endpoint = &generation->endpoints[i];

        if (endpoint->family != AF_UNIX &&
            for_each_internet_socket(endpoint->family, IPPROTO_TCP, alive, endpoint->port,
                                     judge_tcp_connection, judgement) == -1)
            log_line(LEVEL_DEBUG, "connections: no sock_diag: %s", strerror(errno));
    }
}

/* Nobody that holds these sockets can say what they are: search through the kernel's lists. */
static void judge_from_outside(struct look *look, const unsigned long long *inode, size_t count)
{
    struct known_sockets *sockets = &look->generation->sockets;
    struct judgement judgement = {look->generation, inode, count, NULL};
    size_t left = 0;

    for_each_unix_socket(judge_unix_socket, &judgement);
    tidy_known(sockets);
    for (size_t i = 0; i < count; i++)
        left += !is_decided(sockets, inode[i]);
    if (left == 0)
        return;
    log_line(LEVEL_DEBUG, "generation %u: nobody says what %zu of its sockets are",
             look->generation->number, left);
    judge_tcp_connections(look, &judgement);
    tidy_known(sockets);
    for (size_t i = 0; i < count; i++)
        if (!find_known(sockets, inode[i]) || !is_decided(sockets, inode[i]))
            add_known(sockets, (struct known_socket){.inode = inode[i], .kind = NO_CONNECTION});
}

/*
 * A process that neither may be looked into nor can be asked: whatever has been
 * accepted on the ports by now is taken for the generation's own. Its successor
 * may have accepted some of it, which makes it drain a little longer.
 */
static void take_all(struct look *look)
{
    struct generation *generation = look->generation;
    struct judgement judgement = {.generation = generation};

    if (generation->all_taken)
        return;
    generation->all_taken = true;
    judge_tcp_connections(look, &judgement);
    for (size_t i = 0; i < generation->endpoint_count; i++) {
        judgement.endpoint = &generation->endpoints[i];
        if (judgement.endpoint->family == AF_UNIX)
            for_each_unix_socket(judge_unix_socket, &judgement);
    }
}

/* Ask those that we cannot look into. Returns whether one of them owes an answer. */
static bool ask_blind(struct look *look, bool impatient)
{
    bool owed = false;

    for (size_t i = 0; i < look->blind_count; i++) {
        const struct member *member = find_answerer(look->blind[i]);
        bool silent = member && look->generation->inquiry.of_blind &&
                      order_member(look->generation, member, ORDER_COUNT);

        if (!member || (silent && impatient))
            take_all(look);
        else
            owed |= silent;
    }
    return owed;
}

/* Returns whether everything is known that is to be known. */
static bool pursue_inquiry(struct look *look)
{
    struct inquiry *inquiry = &look->generation->inquiry;
    unsigned long long *mute;
    size_t mute_count = 0;
    bool impatient;
    bool owed;

    shorten_inquiry(look);
    impatient = now() - inquiry->progress > patience;
    owed = ask_blind(look, impatient);
    mute = allocate(inquiry->count + 1, sizeof *mute);
    for (size_t i = 0; i < inquiry->count; i++) {
        if (!impatient && ask_about(look, inquiry->inode[i]))
            owed = true;
        else
            mute[mute_count++] = inquiry->inode[i];
    }
    if (mute_count > 0)
        judge_from_outside(look, mute, mute_count);
    free(mute);
    return !owed;
}

struct count count_connections(struct generation *generation)
{
    struct inquiry *inquiry = &generation->inquiry;
    struct look look = look_into_processes(generation);
    struct count count = {.certain = true, .blind = look.blind_count > 0};

    count_left(&look);
    if (!inquiry->open && (look.left == 0 || look.doubtful || !generation->counted))
        begin_inquiry(&look);
    if (inquiry->open) {
        count.certain = pursue_inquiry(&look);
        inquiry->open = !count.certain;
        count_left(&look);
    }
    forget_closed(&look);
    count.left = look.left;
    generation->counted |= count.certain;
    end_look(&look);
    return count;
}

/* Did it come in at one of the ports? Both families: one listener may serve both (ipv6(7)). */
static bool is_at_endpoint(const struct generation *generation, const struct socket_report *report)
{
    for (size_t i = 0; i < generation->endpoint_count; i++)
        if (generation->endpoints[i].family != AF_UNIX &&
            generation->endpoints[i].port == ntohs(report->local_port))
            return true;
    return false;
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

void sockets_reported(struct generation *generation, const struct message *message)
{
    if (generation->state != RETIRING && generation->state != DRAINING)
        return;
    for (size_t i = 0; i < message->sockets.count && i < REPORTS_PER_MESSAGE; i++)
        add_known(&generation->sockets, understand(generation, &message->sockets.item[i]));
}

void process_counted(struct generation *generation, pid_t pid, int error)
{
    if (error)
        log_line(LEVEL_DEBUG, "generation %u: process %d cannot list its sockets: %s",
                 generation->number, pid, strerror(error));
    if (error || generation->state != DRAINING || !generation->inquiry.open ||
        !note_answer(generation, pid))
        return;
    generation->inquiry.progress = now();
    if (!find_silent(generation))
        happen(generation, ANSWERED);
}
