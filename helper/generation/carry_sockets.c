#include "carry_sockets.h"

#include "helper/base/carry.h"
#include "helper/base/memory.h"
#include "known_sockets.h"

/* As many as known_sockets.c lets anybody add. */
enum { MOST_CARRIED = 1 << 18 };

enum { WORDS = 4, FIXED = 12, NUMBERS = FIXED + 2 * WORDS };

static void numbers_of(const struct known_socket *socket, struct carried_number numbers[NUMBERS])
{
    const struct inet_diag_sockid *id = &socket->id;
    const struct carried_number fixed[FIXED] = {
        {(int64_t)socket->inode, INT64_MIN, INT64_MAX},
        {socket->kind, UNDECIDED, CONNECTION},
        {socket->said, 0, INT64_MAX},
        {socket->checked, 0, INT64_MAX},
        {socket->seen, 0, 1},
        {socket->ended, 0, 1},
        {socket->doubted, 0, 1},
        {socket->family, 0, UINT8_MAX},
        {id->idiag_sport, 0, UINT16_MAX},
        {id->idiag_dport, 0, UINT16_MAX},
        {id->idiag_if, 0, UINT32_MAX},
        {(int64_t)((uint64_t)id->idiag_cookie[1] << 32 | id->idiag_cookie[0]), INT64_MIN,
         INT64_MAX},
    };

    for (size_t i = 0; i < FIXED; i++)
        numbers[i] = fixed[i];
    for (size_t i = 0; i < WORDS; i++) {
        numbers[FIXED + i] = (struct carried_number){id->idiag_src[i], 0, UINT32_MAX};
        numbers[FIXED + WORDS + i] = (struct carried_number){id->idiag_dst[i], 0, UINT32_MAX};
    }
}

static struct known_socket socket_of(const struct carried_number numbers[NUMBERS])
{
    struct known_socket socket = {.inode = (unsigned long long)numbers[0].value,
                                  .kind = (enum socket_kind)numbers[1].value,
                                  .said = numbers[2].value,
                                  .checked = numbers[3].value,
                                  .seen = numbers[4].value != 0,
                                  .ended = numbers[5].value != 0,
                                  .doubted = numbers[6].value != 0,
                                  .family = (uint8_t)numbers[7].value};
    struct inet_diag_sockid *id = &socket.id;

    id->idiag_sport = (uint16_t)numbers[8].value;
    id->idiag_dport = (uint16_t)numbers[9].value;
    id->idiag_if = (uint32_t)numbers[10].value;
    id->idiag_cookie[0] = (uint32_t)numbers[11].value;
    id->idiag_cookie[1] = (uint32_t)((uint64_t)numbers[11].value >> 32);
    for (size_t i = 0; i < WORDS; i++) {
        id->idiag_src[i] = (uint32_t)numbers[FIXED + i].value;
        id->idiag_dst[i] = (uint32_t)numbers[FIXED + WORDS + i].value;
    }
    return socket;
}

void carry_sockets(struct carrier *carrier, struct known_sockets *sockets)
{
    size_t count = carry_count(carrier, "sockets", sockets->count, MOST_CARRIED);

    sockets->sorted =
        (size_t)carry_number(carrier, "sorted", (int64_t)sockets->sorted, 0, (int64_t)count);
    sockets->last_checked = (unsigned long long)carry_number(
        carrier, "last-checked", (int64_t)sockets->last_checked, INT64_MIN, INT64_MAX);
    for (size_t i = 0; i < count && !has_fault(carrier); i++) {
        struct known_socket none = {0};
        struct carried_number numbers[NUMBERS];

        if (is_reading(carrier)) {
            sockets->item = grow(sockets->item, i + 1, sizeof *sockets->item);
            sockets->count = i + 1;
        }
        numbers_of(is_reading(carrier) ? &none : &sockets->item[i], numbers);
        carry_row(carrier, "socket", numbers, NUMBERS);
        sockets->item[i] = socket_of(numbers);
    }
}
