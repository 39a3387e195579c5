/*
 * Datagram sockets on which two generations serve at once, each its own peers, on a socket of its
 * own. For each address, who has which socket, and where a datagram goes.
 */
#ifndef TFHELPER_SESSION_PORTS_H
#define TFHELPER_SESSION_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "routes.h"

struct inherited;

struct port_member {
    int fd;
    uint64_t inode;
    unsigned generation; /* which serves there */
};

struct session_port {
    struct session_port *next;
    bool shares_port; /* the program's own choice of SO_REUSEPORT */
    struct port_member *member;
    size_t count;
    unsigned owner;       /* the generation that gets who is nobody's peer */
    struct route *routes; /* in force, sorted by key */
    size_t route_count;
};

extern struct session_port *session_ports;

/*
 * What generation `old` serves on is to be inherited by `new`: have it inherit a socket beside that
 * instead, to which nothing comes as yet. Returns false with errno set, and nothing has changed,
 * where that cannot be had.
 */
bool split_port(struct inherited *item, unsigned old, unsigned new);

/* The port of a socket with this inode, or NULL; `member`: which of its sockets that is. */
struct session_port *find_session_port(uint64_t inode, struct port_member **member);

/* Where in the set this generation's socket is; -1: it has none. */
int place_of(const struct session_port *port, unsigned generation);

/* Put these routes in force, which the port owns from now on. 0, or -1 with errno set. */
int set_routes(struct session_port *port, struct route *routes, size_t count, unsigned owner);

/* What was split off for another generation becomes this one's own socket again, if it has one. */
void unsplit(struct inherited *item, unsigned generation);

/* Close what is not needed any more, wherever at most one socket is. */
void close_dead_members(bool (*lives)(const struct port_member *member));

#endif
