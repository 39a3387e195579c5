/* Which descriptors of this process are which sockets, and which epoll sets watch them. */
#ifndef TFPRELOAD_SCAN_H
#define TFPRELOAD_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* `errno` says why it cannot be told. */
enum want { NOT_WANTED, WANTED, CANNOT_TELL };

struct found_socket {
    int fd;
    bool listens; /* not of scan_for_socket() */
    ino_t inode;
    unsigned registered; /* the last registration that was found, counted from 1; 0: none */
};

/* One socket in one epoll set, as epoll_ctl(2) was told. */
struct registration {
    int set;
    int fd;
    uint32_t events;
    unsigned before; /* of the same descriptor, as above */
    uint64_t data;
};

/* A handler may have to do with a small stack: so many are polled at once, 8 bytes each. */
enum { CONNECTIONS_AT_ONCE = 128 };

struct scan {
    enum want (*wanted)(int fd, bool listens, void *argument); /* asked of sockets */
    void *argument;
    bool notes_connections; /* for the next scan, which may then skip them */
    bool skips_connections; /* only what listens is wanted, and what was noted is looked at in bulk
                             */
    ino_t inode;            /* the only one that is wanted: scan_for_socket() */
    unsigned sockets;
    unsigned sets;
    unsigned registrations;
    int proc;                    /* /proc/self, while the scan is made */
    int error;                   /* the first thing that went wrong, or 0 */
    struct found_socket *socket; /* sorted by number */
    int *set;                    /* no sockets; what may be an epoll set */
    struct registration *registration;
    unsigned connections; /* noted numbers that are to be looked at */
    int connection[CONNECTIONS_AT_ONCE];
};

/*
 * Fill the scan with every descriptor that is WANTED and its registrations in
 * the epoll sets of this process. Asks the kernel alone. What it cannot tell is an
 * error of the scan: a listener that was overlooked would be served by two
 * generations. Once for each lock_scan(). Changes errno; async-signal-safe.
 */
void scan_descriptors(struct scan *scan);

/* The same without the registrations. */
void scan_sockets(struct scan *scan);

/* Fill the scan with the numbers of one socket, and their registrations. */
void scan_for_socket(struct scan *scan, ino_t inode);

/* What the scan has found under this number, or NULL. Async-signal-safe. */
const struct found_socket *find_found(const struct scan *scan, int fd);

/*
 * Call visit() for each registration of this descriptor. Returns 0, or -1 with the errno of one for
 * which visit() did. Async-signal-safe if visit() is.
 */
int for_each_registration(const struct scan *scan, int fd,
                          int (*visit)(const struct registration *registration));

/*
 * The one scan of this process, empty and for its holder alone; unlocking
 * frees what it found. Returns NULL when somebody else holds it (a signal handler
 * cannot wait for the thread that it interrupted). Async-signal-safe.
 */
struct scan *lock_scan(void);
void unlock_scan(struct scan *scan);

#endif
