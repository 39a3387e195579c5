/*
 * One client in an event loop: receive a request, work on it (until a deadline, never by
 * sleeping), answer, and again. Connections are found by descriptor; the loop owns the waiting.
 */
#include "common.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_DESCRIPTORS = 65536 };

static struct connection *table[MAX_DESCRIPTORS];
static int highest_fd = -1; /* never lowered: the bound of every walk through the table */

struct connection *add_connection(int fd)
{
    struct connection *connection;

    if (fd >= MAX_DESCRIPTORS || (connection = calloc(1, sizeof(*connection))) == NULL) {
        close(fd);
        return NULL;
    }
    connection->fd = fd;
    table[fd] = connection;
    if (fd > highest_fd)
        highest_fd = fd;
    return connection;
}

struct connection *next_connection(int fd)
{
    while (++fd <= highest_fd) {
        if (table[fd] != NULL)
            return table[fd];
    }
    return NULL;
}

struct connection *find_connection(int fd)
{
    return fd >= 0 && fd < MAX_DESCRIPTORS ? table[fd] : NULL;
}

void drop_connection(struct connection *connection)
{
    table[connection->fd] = NULL;
    close(connection->fd);
    free(connection);
}

/* What one step of a connection came to. */
enum step { AGAIN, WAIT, END };

static enum step step_after_error(void)
{
    if (may_repeat("recv or send"))
        return AGAIN;
    return errno == EAGAIN ? WAIT : END;
}

static enum step receive_step(struct connection *connection)
{
    struct inbox *inbox = &connection->inbox;
    enum request request = take_request(inbox, connection->answer);
    ssize_t received;

    if (request != NO_REQUEST_YET) {
        connection->phase = WORKING;
        connection->work_done = now_ms() + settings.service_time;
        connection->last_answer = request == BAD_REQUEST;
        return AGAIN;
    }
    received =
        recv(connection->fd, inbox->bytes + inbox->length, sizeof(inbox->bytes) - inbox->length, 0);
    if (received < 0)
        return step_after_error();
    inbox->length += (size_t)received;
    return received == 0 ? END : AGAIN;
}

static bool is_due(const struct connection *connection)
{
    return connection->phase == WORKING && connection->work_done <= now_ms();
}

static enum step work_step(struct connection *connection)
{
    if (!is_due(connection))
        return WAIT;
    connection->phase = ANSWERING;
    connection->answer_length = strlen(connection->answer);
    connection->answer_sent = 0;
    return AGAIN;
}

static enum step answer_step(struct connection *connection)
{
    ssize_t sent = send(connection->fd, connection->answer + connection->answer_sent,
                        connection->answer_length - connection->answer_sent, 0);

    if (sent < 0)
        return step_after_error();
    connection->answer_sent += (size_t)sent;
    if (connection->answer_sent < connection->answer_length)
        return AGAIN;
    connection->phase = RECEIVING;
    return connection->last_answer ? END : AGAIN;
}

bool advance_connection(struct connection *connection)
{
    static enum step (*const steps[])(struct connection *) = {
        [RECEIVING] = receive_step,
        [WORKING] = work_step,
        [ANSWERING] = answer_step,
    };
    enum step step;

    do {
        step = steps[connection->phase](connection);
    } while (step == AGAIN);
    if (step == END)
        drop_connection(connection);
    return step == WAIT;
}

short wanted_events(const struct connection *connection)
{
    static const short events[] = {[RECEIVING] = POLLIN, [WORKING] = 0, [ANSWERING] = POLLOUT};

    return events[connection->phase];
}

int work_timeout_ms(void)
{
    int64_t nearest = INT64_MAX;
    int64_t left;

    if (settings.service_time == 0)
        return -1;
    for (struct connection *c = next_connection(-1); c != NULL; c = next_connection(c->fd)) {
        if (c->phase == WORKING && c->work_done < nearest)
            nearest = c->work_done;
    }
    if (nearest == INT64_MAX)
        return -1;
    left = nearest - now_ms();
    return left < 0 ? 0 : (int)left;
}

void advance_due(bool (*advance)(struct connection *connection))
{
    int fd;

    if (settings.service_time == 0)
        return;
    for (struct connection *c = next_connection(-1); c != NULL; c = next_connection(fd)) {
        fd = c->fd; /* advancing may free it */
        if (is_due(c))
            advance(c);
    }
}
