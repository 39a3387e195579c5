/* The kernel keeps the sets and the programs on them; what is carried is what we know of them. */
#include "carry_session_ports.h"

#include <stdlib.h>

#include "helper/base/carry.h"
#include "helper/base/memory.h"
#include "session_ports.h"

enum { MOST_PORTS = 1 << 16, MOST_MEMBERS = 1 << 16 };

static void carry_member(struct carrier *carrier, struct port_member *member)
{
    member->fd = carry_descriptor(carrier, "port-member", member->fd, IS_NEEDED);
    member->inode =
        (uint64_t)carry_number(carrier, "inode", (int64_t)member->inode, INT64_MIN, INT64_MAX);
    member->generation =
        (unsigned)carry_number(carrier, "serves", member->generation, 0, UINT32_MAX);
}

static void carry_members(struct carrier *carrier, struct session_port *port)
{
    size_t count = carry_count(carrier, "port-members", port->count, MOST_MEMBERS);

    for (size_t i = 0; i < count && !has_fault(carrier); i++) {
        if (is_reading(carrier))
            port->member = append_item(port->member, &port->count, &(struct port_member){.fd = -1},
                                       sizeof *port->member);
        carry_member(carrier, &port->member[i]);
    }
    if (count == 0)
        refuse_carried(carrier, "a port has no socket");
}

static void carry_routes(struct carrier *carrier, struct session_port *port)
{
    size_t count = carry_count(carrier, "routes", port->route_count, MOST_ROUTES);

    for (size_t i = 0; i < count && !has_fault(carrier); i++) {
        struct carried_number numbers[] = {{0, 0, UINT32_MAX}, {0, 0, UINT32_MAX}};

        if (is_reading(carrier)) {
            port->routes = grow(port->routes, i + 1, sizeof *port->routes);
            port->route_count = i + 1;
        } else {
            numbers[0].value = port->routes[i].key;
            numbers[1].value = port->routes[i].place;
        }
        carry_row(carrier, "route", numbers, 2);
        port->routes[i] = (struct route){(uint32_t)numbers[0].value, (uint32_t)numbers[1].value};
    }
}

static void carry_port(struct carrier *carrier, struct session_port *port)
{
    port->shares_port = carry_bool(carrier, "shares-port", port->shares_port);
    port->owner = (unsigned)carry_number(carrier, "owner", port->owner, 0, UINT32_MAX);
    carry_members(carrier, port);
    carry_routes(carrier, port);
}

static size_t count_ports(void)
{
    size_t count = 0;

    for (const struct session_port *port = session_ports; port; port = port->next)
        count++;
    return count;
}

/* Of what was read before. */
static void forget_ports(void)
{
    struct session_port *port;

    while ((port = session_ports)) {
        session_ports = port->next;
        free(port->member);
        free(port->routes);
        free(port);
    }
}

void carry_session_ports(struct carrier *carrier)
{
    size_t count = carry_count(carrier, "session-ports", count_ports(), MOST_PORTS);
    struct session_port **at = &session_ports;

    if (is_reading(carrier))
        forget_ports();
    for (size_t i = 0; i < count && !has_fault(carrier); i++, at = &(*at)->next) {
        if (is_reading(carrier))
            *at = allocate(1, sizeof **at);
        carry_port(carrier, *at);
    }
}
