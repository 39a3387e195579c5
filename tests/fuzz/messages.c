/*
 * What comes in by the control socket: preload/wire/messages.c. The first two bytes of an input say
 * whether magic number and version are made ours, since no fuzzer guesses both often, and how many
 * descriptors came with it; the rest are the message.
 */
#include "preload/wire/messages.h"

#include <netinet/in.h>

#include "fuzz.h"
#include "helper/listeners/endpoints.h"
#include "preload/wire/keys.h"

enum { FEWEST = 2 };

static void make_ours(uint8_t *message, size_t size)
{
    const struct message ours = message_of_kind(0, 0);
    size_t head = offsetof(struct message, kind);

    memcpy(message, &ours, size < head ? size : head);
}

/* What is done with a key that has been let in must hold for any of them. */
static void use_key(const struct listener_key *key)
{
    struct endpoint endpoint = endpoint_of_key(key);

    (void)asks_for_any_port(key);
    HOLDS(key->address_length <= ADDRESS_LENGTH);
    HOLDS(same_endpoint(&endpoint, &endpoint));
}

static void try_input(const uint8_t *data, size_t size)
{
    uint8_t *message;

    if (size < FEWEST)
        return;
    message = copy_of(data + FEWEST, size - FEWEST);
    if (data[0] > 0)
        make_ours(message, size - FEWEST);
    for (unsigned speakers = FROM_LIBRARY; speakers <= FROM_COMMAND; speakers <<= 1)
        if (fault_of_message(message, size - FEWEST, data[1] & 3, speakers) == FAULT_NONE) {
            const struct message *whole = (const void *)message;

            HOLDS(size - FEWEST >= sizeof *whole && whole->kind < DEMANDS_END);
            if (whole->kind == MESSAGE_BIND || whole->kind == MESSAGE_LISTEN)
                use_key(&whole->key);
        }
    free(message);
}

/* One of each kind, and a key in every other one: which it belongs to, the fuzzer finds out. */
static void make_good(uint8_t *data, unsigned seed)
{
    const struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = 0x5000};
    struct message message = message_of_kind(seed % DEMANDS_END, 1);

    if (seed & 0x100) {
        message.key = (struct listener_key){
            .family = AF_INET, .type = SOCK_STREAM, .address_length = sizeof address - 8};
        memcpy(message.key.address, &address, sizeof address - 8);
    }
    data[0] = 1;
    data[1] = seed >> 16 & 3;
    memcpy(data + FEWEST, &message, sizeof message);
}

START_FROM(make_good, FEWEST + sizeof(struct message))
