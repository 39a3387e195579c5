/* The epoll sets of another process: what is registered there, and changed from outside. */
#ifndef TFHELPER_EPOLL_SETS_H
#define TFHELPER_EPOLL_SETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct registration {
    int set; /* the number of the set in that process */
    int number;
    uint32_t events;
    uint64_t data;
    uint64_t inode; /* of the socket that is registered */
};

/*
 * The registrations of sockets that `wanted` asks for, in memory that the caller frees. Returns
 * how many. Those of a process that may not be looked into are missing.
 */
size_t list_registrations(pid_t process, bool (*wanted)(uint64_t inode, const void *argument),
                          const void *argument, struct registration **list);

/* EPOLLONESHOT: a thread has been told of a client, will accept it, and arms it anew. */
bool is_disarmed(const struct registration *registration);

/*
 * Do what epoll_ctl(2) does in that set, for our copy `fd` of what is, or shall be, registered.
 * Returns 0, or -1 with errno set.
 */
int change_registration(pid_t process, const struct registration *registration, int operation,
                        int fd);

#endif
