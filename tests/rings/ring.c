/*
 * A server that does everything with its sockets by io_uring(7), with the options and the protocol
 * of tests/servers. It is as strict as the strictest: a request of its own that fails is the end,
 * but for one that accepts many clients, which the kernel may end at any time
 * (io_uring_prep_multishot_accept(3)). How it uses its ring, the words in RING say:
 *   multishot   one request accepts all clients, and is made anew when it has ended
 *   polls       it polls the listener, and accepts by accept(2)
 *   registered  the listeners are registered files, and what is behind their numbers is of no use
 *   issuer      the ring is for one thread alone, and defers its work to the calls of that one
 *   sqpoll      a thread of the kernel takes what is submitted
 */
#include "../servers/common.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif

struct client {
    int fd;
    bool answers;
    struct inbox inbox;
    char answer[MAX_ANSWER];
    size_t length;
    size_t sent;
};

static struct io_uring ring;
static struct listeners listeners;
static bool multishot, polls, registered;

static bool has_word(const char *word)
{
    const char *words = getenv("RING");

    return words && strstr(words, word);
}

static struct io_uring_sqe *next_entry(void)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring);

    while (!entry) {
        io_uring_submit(&ring);
        entry = io_uring_get_sqe(&ring);
    }
    return entry;
}

/* A listener's request has the listener's place as its data, and no client is there. */
static void wait_for_client(int place)
{
    struct io_uring_sqe *entry = next_entry();
    int file = registered ? place : listeners.fd[place];

    if (polls)
        io_uring_prep_poll_add(entry, listeners.fd[place], POLLIN);
    else if (multishot)
        io_uring_prep_multishot_accept(entry, file, NULL, NULL, 0);
    else
        io_uring_prep_accept(entry, file, NULL, NULL, 0);
    if (registered && !polls)
        entry->flags |= IOSQE_FIXED_FILE;
    io_uring_sqe_set_data(entry, (void *)(uintptr_t)place);
}

static void receive(struct client *client)
{
    struct io_uring_sqe *entry = next_entry();

    client->answers = false;
    io_uring_prep_recv(entry, client->fd, client->inbox.bytes + client->inbox.length,
                       sizeof client->inbox.bytes - client->inbox.length, 0);
    io_uring_sqe_set_data(entry, client);
}

static void send_rest(struct client *client)
{
    struct io_uring_sqe *entry = next_entry();

    client->answers = true;
    io_uring_prep_send(entry, client->fd, client->answer + client->sent,
                       client->length - client->sent, MSG_NOSIGNAL);
    io_uring_sqe_set_data(entry, client);
}

static void hang_up(struct client *client)
{
    close(client->fd);
    free(client);
}

static void welcome(int fd)
{
    struct client *client = calloc(1, sizeof *client);

    if (!client)
        die(1, "no memory");
    client->fd = fd;
    receive(client);
}

static void client_came(int place, const struct io_uring_cqe *entry)
{
    if (entry->res < 0 && !(multishot && entry->res == -ECANCELED))
        die(1, "%s: %s", polls ? "poll" : "accept", strerror(-entry->res));
    if (entry->res >= 0 && polls) {
        int fd = accept_one(listeners.fd[place], 0);

        if (fd >= 0)
            welcome(fd);
    } else if (entry->res >= 0) {
        welcome(entry->res);
    }
    if (!(entry->flags & IORING_CQE_F_MORE))
        wait_for_client(place);
}

static void go_on(struct client *client, int result)
{
    if (result <= 0) {
        hang_up(client);
        return;
    }
    if (client->answers) {
        client->sent += (size_t)result;
        if (client->sent < client->length) {
            send_rest(client);
            return;
        }
    } else {
        client->inbox.length += (size_t)result;
    }
    if (take_request(&client->inbox, client->answer) == NO_REQUEST_YET) {
        receive(client);
        return;
    }
    client->length = strlen(client->answer);
    client->sent = 0;
    send_rest(client);
}

static void make_ring(void)
{
    struct io_uring_params params = {0};
    int error;

    if (has_word("issuer"))
        params.flags |= IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    if (has_word("sqpoll"))
        params.flags |= IORING_SETUP_SQPOLL;
    error = io_uring_queue_init_params(256, &ring, &params);
    if (error == 0 && registered)
        error = io_uring_register_files(&ring, listeners.fd, (unsigned)listeners.count);
    if (error < 0)
        die(1, "io_uring: %s", strerror(-error));
}

/* All that has happened; what it asks for is submitted at once. */
static void turn(void)
{
    struct io_uring_cqe *entry;
    unsigned head;
    unsigned count = 0;
    int error = io_uring_submit_and_wait(&ring, 1);

    if (error < 0)
        die(1, "io_uring_submit_and_wait: %s", strerror(-error));
    io_uring_for_each_cqe(&ring, head, entry)
    {
        uintptr_t data = (uintptr_t)io_uring_cqe_get_data(entry);

        if (data < MAX_LISTENERS)
            client_came((int)data, entry);
        else
            go_on((struct client *)data, entry->res);
        count++;
    }
    io_uring_cq_advance(&ring, count);
}

int main(int argc, char **argv)
{
    multishot = has_word("multishot");
    polls = has_word("polls");
    registered = has_word("registered");
    listeners = start_server(argc, argv, polls ? NONBLOCKING : BLOCKING);
    make_ring();
    for (int i = 0; i < listeners.count; i++)
        wait_for_client(i);
    for (;;)
        turn();
}
