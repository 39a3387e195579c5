/* What is known of the sockets that a generation's processes hold, by inode. */
#ifndef TFHELPER_KNOWN_SOCKETS_H
#define TFHELPER_KNOWN_SOCKETS_H

#include <linux/inet_diag.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum socket_kind {
    UNDECIDED,     /* what was known is in doubt */
    NO_CONNECTION, /* nothing that a client waits for: this is for good */
    CONNECTION,    /* came in at one of the generation's endpoints, and was alive */
};

struct known_socket {
    unsigned long long inode;
    enum socket_kind kind;
    int64_t said;    /* when somebody said so */
    int64_t checked; /* when the kernel was last asked whether it is alive, or 0 */
    bool seen;       /* the kernel found it by its addresses then */
    bool ended;      /* the server reads end-of-file from it, by our doing */
    bool doubted;    /* the kernel never has */
    uint8_t family;  /* 0 where the kernel cannot be asked by addresses, which are: */
    struct inet_diag_sockid id;
};

/* Sorted by inode as far as `sorted`; later additions stand behind. */
struct known_sockets {
    struct known_socket *item;
    size_t count;
    size_t sorted;
    unsigned long long last_checked; /* inode of the one that the kernel was last asked about */
};

/* Add what somebody has said just now. Beyond a bound that no server reaches, nothing is added. */
void add_known(struct known_sockets *sockets, struct known_socket socket);

/* Sort what was added. What was said last of a socket holds. */
void tidy_known(struct known_sockets *sockets);

/* How many stand up to this inode. They must be tidy. */
size_t count_up_to(const struct known_sockets *sockets, unsigned long long inode);

/* The socket with this inode, or NULL. They must be tidy. */
struct known_socket *find_known(const struct known_sockets *sockets, unsigned long long inode);

/* Is there anything known, and not in doubt? */
bool is_decided(const struct known_sockets *sockets, unsigned long long inode);

#endif
