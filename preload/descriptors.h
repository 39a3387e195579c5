/* Which descriptors of this process are which sockets, and which epoll sets watch them. */
#ifndef TFPRELOAD_DESCRIPTORS_H
#define TFPRELOAD_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct surveyed_socket {
    int fd;
    ino_t inode;
};

/* One socket in one epoll set, as epoll_ctl(2) was told. */
struct registration {
    int set;
    int fd;
    uint32_t events;
    uint64_t data;
};

struct survey {
    bool (*wanted)(int fd, ino_t inode, void *argument);
    void *argument;
    ino_t inode; /* the only one that replace_socket() wants */
    unsigned sockets;
    unsigned sets;
    unsigned registrations;
    int proc;  /* /proc/self, while the survey is made */
    int error; /* the first thing that went wrong, or 0 */
    struct surveyed_socket *socket;
    int *set;
    struct registration *registration;
};

/* An integer option of level SOL_SOCKET; -1 if that is not to be had. Async-signal-safe. */
int socket_option(int fd, int name);

/* Does this socket listen for connections? Async-signal-safe. */
bool is_listener(int fd);

/* The inode of a descriptor, which names its socket; 0 for a closed one. Async-signal-safe. */
ino_t socket_inode(int fd);

/*
 * Fill the survey with every descriptor for which wanted() is true and its
 * registrations in the epoll sets of this process. Asks the kernel alone. Once
 * for each lock_survey(). Changes errno; async-signal-safe.
 */
void survey_descriptors(struct survey *survey);

/*
 * The one survey of this process, empty and for its holder alone; unlocking
 * frees what it found. Returns NULL when somebody else holds it (a signal handler
 * cannot wait for the thread that it interrupted). Async-signal-safe.
 */
struct survey *lock_survey(void);
void unlock_survey(struct survey *survey);

/*
 * Point descriptor `fd` at the socket of `replacement`; the number, FD_CLOEXEC
 * and the registrations that the survey found for it stay. The caller keeps
 * `replacement`. Returns 0, or -1 with errno set: ESTALE if the program has made
 * something else of the number since the survey. Async-signal-safe.
 */
int replace_descriptor(const struct survey *survey, int fd, int replacement);

/*
 * The same for every number of the socket that `fd` stands for, which the survey
 * is made of. Returns 0 if `fd` is among what was replaced. Async-signal-safe.
 */
int replace_socket(struct survey *survey, int fd, int replacement);

#endif
