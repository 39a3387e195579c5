#include "carry_inheritance.h"

#include "endpoints.h"
#include "helper/base/carry.h"
#include "helper/base/memory.h"
#include "inheritance.h"

enum { MOST_LISTENERS = 1 << 20 };

void carry_key(struct carrier *carrier, struct listener_key *key)
{
    key->family = (int32_t)carry_number(carrier, "family", key->family, 0, UINT16_MAX);
    key->type = (int32_t)carry_number(carrier, "type", key->type, 0, INT32_MAX);
    key->protocol = (int32_t)carry_number(carrier, "protocol", key->protocol, 0, INT32_MAX);
    key->v6only = (int32_t)carry_number(carrier, "v6only", key->v6only, 0, 1);
    key->address_length =
        (uint32_t)carry_number(carrier, "address-length", key->address_length, 0, ADDRESS_LENGTH);
    carry_bytes(carrier, "address", key->address, sizeof key->address);
    carry_bytes(carrier, "device", key->device, sizeof key->device);
}

static void carry_async(struct carrier *carrier, struct inherited *item)
{
    struct carried_number numbers[] = {
        {item->async_owner.type, INT32_MIN, INT32_MAX},
        {item->async_owner.pid, INT32_MIN, INT32_MAX},
        {item->async_signal, INT32_MIN, INT32_MAX},
        {item->async_setter[0], 0, UINT32_MAX},
        {item->async_setter[1], 0, UINT32_MAX},
    };

    carry_row(carrier, "signals-of-clients", numbers, sizeof numbers / sizeof *numbers);
    item->async_owner.type = (int)numbers[0].value;
    item->async_owner.pid = (pid_t)numbers[1].value;
    item->async_signal = (int)numbers[2].value;
    item->async_setter[0] = (uid_t)numbers[3].value;
    item->async_setter[1] = (uid_t)numbers[4].value;
}

static void carry_claim(struct carrier *carrier, struct inherited *item)
{
    item->claimed = carry_bool(carrier, "claimed", item->claimed);
    item->claimed_at = carry_time(carrier, "claimed-at", item->claimed_at);
    item->listening = carry_bool(carrier, "listening", item->listening);
    item->abandoned = (unsigned)carry_number(carrier, "abandoned", item->abandoned, 0, UINT32_MAX);
    item->waited_since = carry_time(carrier, "waited-since", item->waited_since);
    item->split = carry_bool(carrier, "split", item->split);
    item->kept_to = carry_bool(carrier, "kept-to", item->kept_to);
}

static void carry_item(struct carrier *carrier, struct inherited *item)
{
    item->fd = carry_descriptor(carrier, "listener", item->fd, IS_NEEDED);
    item->inode =
        (uint64_t)carry_number(carrier, "inode", (int64_t)item->inode, INT64_MIN, INT64_MAX);
    item->from = (pid_t)carry_number(carrier, "from", item->from, 0, INT32_MAX);
    item->of_first = carry_bool(carrier, "of-first", item->of_first);
    item->position = (uint32_t)carry_number(carrier, "position", item->position, 0, UINT32_MAX);
    carry_key(carrier, &item->key);
    carry_text(carrier, "path", item->path, sizeof item->path);
    item->status_flags =
        (int)carry_number(carrier, "status-flags", item->status_flags, INT32_MIN, INT32_MAX);
    carry_async(carrier, item);
    item->backlog = (int)carry_number(carrier, "backlog", item->backlog, -1, INT32_MAX);
    item->options = carry_descriptor(carrier, "options", item->options, MAY_BE_NONE);
    item->reusable = carry_bool(carrier, "reusable", item->reusable);
    item->second_senders = carry_bool(carrier, "second-senders", item->second_senders);
    carry_claim(carrier, item);
}

void carry_inheritance(struct carrier *carrier, struct inheritance *inheritance)
{
    size_t count = carry_count(carrier, "listeners", inheritance->count, MOST_LISTENERS);

    for (size_t i = 0; i < count && !has_fault(carrier); i++) {
        if (is_reading(carrier))
            inheritance->item =
                append_item(inheritance->item, &inheritance->count,
                            &(struct inherited){.options = -1}, sizeof *inheritance->item);
        carry_item(carrier, &inheritance->item[i]);
    }
}

static void carry_endpoint(struct carrier *carrier, struct endpoint *endpoint)
{
    endpoint->family = (int)carry_number(carrier, "family", endpoint->family, 0, UINT16_MAX);
    endpoint->port = (uint16_t)carry_number(carrier, "port", endpoint->port, 0, UINT16_MAX);
    carry_bytes(carrier, "name", endpoint->name, sizeof endpoint->name);
}

void carry_endpoints(struct carrier *carrier, struct endpoint **list, size_t *count)
{
    size_t wanted = carry_count(carrier, "endpoints", *count, MOST_LISTENERS);

    for (size_t i = 0; i < wanted && !has_fault(carrier); i++) {
        if (is_reading(carrier))
            *list = append_item(*list, count, &(struct endpoint){0}, sizeof **list);
        carry_endpoint(carrier, &(*list)[i]);
    }
}
