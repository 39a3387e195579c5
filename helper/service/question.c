/* The one place from which answers to the library are sent. Nothing here waits for a peer. */
#include "question.h"

#include <sys/socket.h>

#include "preload/wire/messages.h"
#include "preload/wire/packet.h"

bool send_answer(const struct question *question, enum message_kind kind, const int *descriptors,
                 size_t count)
{
    struct message message = message_of_kind(kind, 0);
    const struct outgoing packet = {
        .data = &message, .size = sizeof message, .descriptors = descriptors, .count = count};

    message.version = question->message->version;
    return send_packet(question->fd, &packet, MSG_DONTWAIT) == 0;
}

bool answer(const struct question *question, enum message_kind kind)
{
    return send_answer(question, kind, NULL, 0);
}
