/*
 * The library's side of the wire: an answer, as it comes out of the socket with its descriptors.
 * The first byte says how many are sent along, how many are asked for, and whether the rest is made
 * one of ours.
 */
#include <errno.h>
#include <sys/socket.h>

#include "fuzz.h"
#include "preload/process/control.h"
#include "preload/wire/messages.h"

enum { MOST_SENT = 8 };

static int here, there;

static void connect_ends(void)
{
    int ends[2];

    HOLDS(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    here = ends[0];
    there = ends[1];
}

/* The lowest number that is free: the same afterwards, if nothing was left open. */
static int lowest_free(void)
{
    int fd = dup(here);

    HOLDS(fd != -1);
    close(fd);
    return fd;
}

static void try_input(const uint8_t *data, size_t size)
{
    const int sent[MOST_SENT] = {0, 0, 0, 0, 0, 0, 0, 0};
    int received[REPLACEMENTS];
    struct message answer;
    struct outgoing out;
    uint8_t *bytes;
    int before;
    int count;

    if (size < 1 || size > 60000)
        return;
    if (here == 0)
        connect_ends();
    before = lowest_free();
    bytes = copy_of(data + 1, size - 1);
    if (data[0] & 16) {
        const struct message ours = message_of_kind(0, 0);
        size_t head = offsetof(struct message, kind);

        memcpy(bytes, &ours, size - 1 < head ? size - 1 : head);
    }
    out = (struct outgoing){
        .data = bytes, .size = size - 1, .descriptors = sent, .count = data[0] % MOST_SENT};
    HOLDS(send_packet(here, &out, MSG_DONTWAIT) == 0);
    count = receive_answer(there, &answer, received, data[0] & 8 ? REPLACEMENTS : 1);
    if (count >= 0)
        HOLDS(answer.kind >= ANSWER_ADOPT && answer.kind < ANSWERS_END);
    for (int i = 0; i < count; i++)
        close(received[i]);
    HOLDS(lowest_free() == before);
    free(bytes);
}

static void make_good(uint8_t *data, unsigned seed)
{
    const struct message message =
        message_of_kind(ANSWER_ADOPT + seed % (ANSWERS_END - ANSWER_ADOPT), 0);

    data[0] = (uint8_t)(seed >> 16);
    memcpy(data + 1, &message, sizeof message);
}

START_FROM(make_good, 1 + sizeof(struct message))
