/*
 * One client from its first request to its end, for servers that can afford to wait for it.
 */
#include "common.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* False at the client's end, or when the connection broke. */
static bool receive(int fd, struct inbox *inbox)
{
    size_t room = sizeof(inbox->bytes) - inbox->length;
    ssize_t received;

    do {
        received = recv(fd, inbox->bytes + inbox->length, room, 0);
    } while (received < 0 && may_repeat("recv"));
    if (received <= 0)
        return false;
    inbox->length += (size_t)received;
    return true;
}

static bool send_all(int fd, const char *answer)
{
    size_t left = strlen(answer);

    while (left > 0) {
        ssize_t sent = send(fd, answer, left, 0);

        if (sent < 0 && !may_repeat("send"))
            return false;
        if (sent > 0) {
            answer += sent;
            left -= (size_t)sent;
        }
    }
    return true;
}

void serve_client(int fd)
{
    struct inbox inbox = {.length = 0};
    char answer[MAX_ANSWER];
    enum request request = NO_REQUEST_YET;

    while (request != BAD_REQUEST) {
        request = take_request(&inbox, answer);
        if (request == NO_REQUEST_YET) {
            if (!receive(fd, &inbox))
                break;
            continue;
        }
        pause_ms(settings.service_time);
        if (!send_all(fd, answer))
            break;
    }
    close(fd);
}
