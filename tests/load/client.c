/*
 * One client: a state machine around a non-blocking connection. Events and timers drive it; each
 * exchange ends in exactly one call of succeed() or fail().
 *
 * Connections are edge-triggered, so that states change without system calls: whatever the
 * event, the client does all it can in its state until the kernel says EAGAIN.
 */
#include "load.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    LOOPBACK_SOURCES = 16, /* 127.0.0.1 and on: each has ephemeral ports of its own */
};

static const int64_t pause_after_failure = 10 * MS_NS;
static const int64_t pause_for_unix_queue = 1 * MS_NS;

static union {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
    struct sockaddr_storage storage;
} server;
static socklen_t server_length;

static int epoll_set;
static bool stopping;
static int in_flight;

/* Clients that live for the whole run; those of --rate live for one exchange. */
static struct client **lasting;
static size_t lasting_count;

/* ---- where the server is ---- */

static void resolve_host(void)
{
    struct addrinfo hints = {.ai_socktype = options.udp ? SOCK_DGRAM : SOCK_STREAM};
    struct addrinfo *found;
    char port[16];
    int error;

    snprintf(port, sizeof(port), "%d", options.port);
    error = getaddrinfo(options.host, port, &hints, &found);
    if (error != 0)
        die_usage("--host %s: %s", options.host, gai_strerror(error));
    memcpy(&server, found->ai_addr, found->ai_addrlen);
    server_length = found->ai_addrlen;
    freeaddrinfo(found);
}

static void resolve_path(void)
{
    size_t length = strlen(options.path);

    if (length >= sizeof(server.un.sun_path))
        die_usage("--path is too long for a unix socket");
    server.un.sun_family = AF_UNIX;
    memcpy(server.un.sun_path, options.path, length + 1);
    server_length = sizeof(server.un);
}

void prepare_clients(int epoll_fd)
{
    epoll_set = epoll_fd;
    if (options.path != NULL)
        resolve_path();
    else
        resolve_host();
}

/* ---- how an exchange ends ---- */

static void begin_exchange(struct client *client, int64_t now);

static bool is_in_flight(const struct client *client)
{
    return client->state != RESTING && client->state != IDLE;
}

static void disconnect(struct client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
}

/* Leaves the client waiting in a state that is not an exchange. */
static void rest(struct client *client, enum state state, int64_t due)
{
    if (is_in_flight(client))
        in_flight--;
    client->state = state;
    set_timer(client, due);
}

static void retire(struct client *client)
{
    rest(client, RESTING, 0);
    cancel_timer(client);
    disconnect(client);
    if (client->kind == RATE)
        free(client);
}

static void fail(struct client *client, enum failure failure, int error, const char *detail)
{
    count_failure(failure, client->kind, error, detail);
    note_event(client, now_ns(), failure_names[failure]);
    if (stopping || client->kind == RATE) {
        retire(client);
        return;
    }
    disconnect(client);
    rest(client, RESTING, now_ns() + pause_after_failure);
}

/* Its connection goes on, unless its life or the server's word ends it. */
static void succeed_kept(struct client *client, int64_t now, bool last)
{
    int64_t then = client->exchange_began + options.kept_interval;
    int64_t next = then > now ? then : now;
    bool outlived = options.kept_life > 0 && now - client->connected_at >= options.kept_life;

    if (!last && !outlived) {
        rest(client, IDLE, next);
        return;
    }
    disconnect(client);
    rest(client, RESTING, outlived ? now : next);
}

static void succeed(struct client *client, bool last)
{
    int64_t now = now_ns();
    int64_t pause = client->kind == SLOW ? options.slow_time : 0;

    count_answer(now, now - client->exchange_began - pause);
    note_event(client, now, "ok");
    if (stopping || client->kind == RATE) {
        retire(client);
    } else if (client->kind == KEPT) {
        succeed_kept(client, now, last);
    } else {
        disconnect(client);
        rest(client, RESTING, now + options.think);
    }
}

static enum failure failure_of(int error)
{
    switch (error) {
    case ECONNREFUSED:
    case ENOENT: /* a unix path where nobody is */
        return REFUSED;
    case ECONNRESET:
    case EPIPE:
        return RESET;
    case ETIMEDOUT:
        return TIMEOUT;
    case EMFILE:
    case ENFILE:
    case EADDRNOTAVAIL:
    case EADDRINUSE:
    case ENOBUFS:
    case ENOMEM:
        return LOCAL;
    default:
        return OTHER;
    }
}

static void fail_with_errno(struct client *client, int error)
{
    fail(client, failure_of(error), error, NULL);
}

/* The answer's beginning, fit to be printed on one line. */
static void fail_with_answer(struct client *client, enum failure failure)
{
    char detail[80];
    size_t length = strnlen(client->answer, sizeof(detail) - 1);

    memcpy(detail, client->answer, length);
    detail[length] = '\0';
    for (size_t i = 0; i < length; i++) {
        if (!isprint((unsigned char)detail[i]))
            detail[i] = '.';
    }
    fail(client, failure, 0, length > 0 ? detail : NULL);
}

/* ---- the connection ---- */

/* Spreads clients over source addresses: 28,000 ports of one are soon all in TIME_WAIT. */
static int bind_to_next_source(int fd)
{
    static uint32_t next;
    struct sockaddr_in source = {.sin_family = AF_INET};

    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + next++ % LOOPBACK_SOURCES);
    if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int)) != 0)
        return -1;
    return bind(fd, (const struct sockaddr *)&source, sizeof(source));
}

static bool is_on_loopback(void)
{
    return server.any.sa_family == AF_INET && ntohl(server.in.sin_addr.s_addr) >> 24 == 127;
}

/* Returns 0, or an errno value; EINPROGRESS is success. */
static int try_connect(struct client *client)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = client};
    int type = options.udp ? SOCK_DGRAM : SOCK_STREAM;

    client->fd = socket(server.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        return errno;
    if (is_on_loopback() && bind_to_next_source(client->fd) != 0)
        return errno;
    if (connect(client->fd, &server.any, server_length) != 0 && errno != EINPROGRESS)
        return errno;
    return epoll_ctl(epoll_set, EPOLL_CTL_ADD, client->fd, &event) == 0 ? 0 : errno;
}

/* Nothing is sent yet: the event that says "connected" always comes, and comes later. */
static void begin_connection(struct client *client)
{
    int error = try_connect(client);

    if (error == 0) {
        client->state = CONNECTING;
        set_timer(client, client->exchange_began + options.timeout);
    } else if (error == EAGAIN && server.any.sa_family == AF_UNIX) {
        disconnect(client);
        client->state = RETRYING;
        set_timer(client, now_ns() + pause_for_unix_queue);
    } else {
        fail_with_errno(client, error);
    }
}

/* Each step does what its state can do at once; false: nothing more for now, or it ended. */

static bool connect_step(struct client *client)
{
    int error = 0;
    socklen_t length = sizeof(error);

    getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) {
        fail_with_errno(client, error);
        return false;
    }
    client->connected_at = now_ns();
    client->opening = options.greeting != NULL;
    if (client->opening)
        ask_for_greeting(client);
    client->state = SENDING;
    return true;
}

static bool is_before_pause(const struct client *client)
{
    return client->kind == SLOW && !client->opening && !client->paused;
}

static bool send_step(struct client *client)
{
    bool first_half = is_before_pause(client);
    size_t end = first_half ? client->request_length / 2 : client->request_length;
    ssize_t sent;

    if (client->sent == end) {
        client->state = first_half ? PAUSING : RECEIVING;
        if (first_half)
            set_timer(client, now_ns() + options.slow_time);
        return true;
    }
    sent = send(client->fd, client->request + client->sent, end - client->sent, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN)
            fail_with_errno(client, errno);
        return false;
    }
    client->sent += (size_t)sent;
    return true;
}

static void handle_end(struct client *client)
{
    enum verdict verdict = options.protocol->end(client);

    if (verdict == CORRECT || verdict == CORRECT_AND_LAST)
        succeed(client, true);
    else if (verdict == WRONG)
        fail_with_answer(client, WRONG_ANSWER);
    else if (client->received == 0)
        fail(client, CLOSED_EARLY, 0, NULL);
    else
        fail_with_answer(client, SHORT);
}

/* The server has greeted: now the exchange that the connection was opened for. */
static bool end_opening(struct client *client)
{
    client->opening = false;
    client->sent = 0;
    client->received = 0;
    options.protocol->ask(client);
    client->state = SENDING;
    return true;
}

static bool receive_step(struct client *client)
{
    static char bytes[64 * 1024];
    ssize_t received = recv(client->fd, bytes, sizeof(bytes), 0);
    enum verdict verdict;

    if (received < 0) {
        if (errno != EAGAIN)
            fail_with_errno(client, errno);
        return false;
    }
    if (received == 0) {
        handle_end(client);
        return false;
    }
    client->received += (size_t)received;
    verdict =
        (client->opening ? take_greeting : options.protocol->take)(client, bytes, (size_t)received);
    if (client->opening && verdict == CORRECT)
        return end_opening(client);
    if (verdict == CORRECT || verdict == CORRECT_AND_LAST)
        succeed(client, verdict == CORRECT_AND_LAST);
    else if (verdict == WRONG)
        fail_with_answer(client, WRONG_ANSWER);
    return verdict == UNFINISHED;
}

/* Nothing is due from the server now; only some protocols have more to say. */
static bool idle_step(struct client *client)
{
    char bytes[4096];
    ssize_t received = recv(client->fd, bytes, sizeof(bytes), 0);

    if (received > 0 && options.protocol->says_more)
        return true;
    if (received > 0)
        fail(client, WRONG_ANSWER, 0, "bytes that nobody asked for");
    else if (received == 0)
        fail(client, CLOSED_EARLY, 0, "between two exchanges");
    else if (errno != EAGAIN)
        fail(client, failure_of(errno), errno, "between two exchanges");
    return false;
}

/* What the server says to half a request is read when the rest has been sent. */
static bool pause_step(struct client *client)
{
    char byte;
    ssize_t received = recv(client->fd, &byte, 1, MSG_PEEK);

    if (received == 0)
        fail(client, CLOSED_EARLY, 0, "within a slow request");
    else if (received < 0 && errno != EAGAIN)
        fail(client, failure_of(errno), errno, "within a slow request");
    return false;
}

static void drive(struct client *client)
{
    static bool (*const steps[])(struct client *) = {
        [CONNECTING] = connect_step, [SENDING] = send_step, [PAUSING] = pause_step,
        [RECEIVING] = receive_step,  [IDLE] = idle_step,
    };

    while (steps[client->state](client))
        ;
}

/* ---- what the main loop calls ---- */

static void begin_exchange(struct client *client, int64_t now)
{
    bool is_connected = client->state == IDLE;

    in_flight++;
    client->exchange_began = now;
    client->sent = 0;
    client->received = 0;
    client->paused = false;
    client->said[0] = '\0';
    options.protocol->ask(client);
    if (!is_connected) {
        client->state = CONNECTING;
        begin_connection(client);
        return;
    }
    client->state = SENDING;
    set_timer(client, now + options.timeout);
    drive(client);
}

static void end_pause(struct client *client)
{
    client->paused = true;
    client->state = SENDING;
    set_timer(client, client->exchange_began + options.timeout + options.slow_time);
    drive(client);
}

struct client *add_client(enum kind kind, int64_t due)
{
    struct client *client = calloc(1, sizeof(*client));

    if (client == NULL)
        abort();
    client->kind = kind;
    client->fd = -1;
    set_timer(client, due);
    if (kind == RATE)
        return client;
    lasting = reallocarray(lasting, lasting_count + 1, sizeof(struct client *));
    if (lasting == NULL)
        abort();
    lasting[lasting_count++] = client;
    return client;
}

void handle_client_event(struct client *client)
{
    drive(client);
}

void handle_client_timer(struct client *client, int64_t now)
{
    if (!is_in_flight(client))
        begin_exchange(client, now);
    else if (client->state == PAUSING)
        end_pause(client);
    else if (now - client->exchange_began >= options.timeout)
        fail_with_answer(client, TIMEOUT);
    else
        begin_connection(client); /* RETRYING */
}

void stop_clients(void)
{
    stopping = true;
    statistics.closing = true;
    for (size_t i = 0; i < lasting_count; i++) {
        if (!is_in_flight(lasting[i]))
            retire(lasting[i]);
    }
}

int exchanges_in_flight(void)
{
    return in_flight;
}
