/* One unix socket, as the kernel lists it: see unix_sockets.h. */
#ifndef TFHELPER_UNIX_SOCKET_H
#define TFHELPER_UNIX_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UNIX_NAME_SIZE = 108 };

struct unix_socket {
    uint32_t inode;
    bool doubtful; /* nothing else is known of it: see proc_unix.c */
    int type;      /* SOCK_STREAM and so on */
    bool listens;
    bool has_file;
    uint64_t device; /* of the file that it is bound to: not always stat(2)'s, see socket_file.c */
    uint64_t file;
    bool has_queue; /* what follows is known */
    uint32_t queue; /* of a listener: its length and its limit */
    uint32_t backlog;
    size_t name_length;
    char name[UNIX_NAME_SIZE];
};

#endif
