/*
 * What the two halves say to each other: the library in the server's processes
 * and tfhelper, their parent.
 *
 * Questions and answers are fixed-size messages on an abstract unix
 * SOCK_SEQPACKET socket, opened for one exchange and closed after it. Orders go
 * the other way, as SIGURG with a value that names order and generation.
 */
#ifndef TFPRELOAD_PROTOCOL_H
#define TFPRELOAD_PROTOCOL_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

enum { PROTOCOL_MAGIC = 0x7f707265, PROTOCOL_VERSION = 1 };

/* The order signal: ignored by default, so harmless to a process that has just executed something
 * else, and used by almost nobody (out-of-band data). */
#define ORDER_SIGNAL SIGURG

/*
 * In the environment of every process of a session, and nowhere else:
 * VERSION/SOCKET/GENERATION/HELPER-PID/UPGRADE-SIGNAL, as in 1/5f…c2/3/4711/1.
 */
#define SESSION_VARIABLE "TFPRELOAD_SESSION"
#define SESSION_FORMAT "%d/%s/%u/%d/%d"

/* How the library hands LD_PRELOAD through tfhelper, which must not load it itself. */
#define PRELOAD_VARIABLE "TFPRELOAD_LD_PRELOAD"

enum { SESSION_NAME_LENGTH = 32, DEVICE_LENGTH = 16, ADDRESS_LENGTH = 128 };

/* First byte of the path in the key of a unix socket that is named by its file, not its path. */
enum { UNIX_FILE_MARK = 1 };

/* The socket's name in the abstract namespace, after the leading NUL. */
#define SOCKET_PREFIX "tfpreload-"

enum message_kind {
    /* the library asks or tells */
    MESSAGE_BIND = 1,  /* "I bind KEY: is there an inherited socket for it?" */
    MESSAGE_GIVE_BACK, /* the adopted socket INODE was bound for a client: it is free again */
    MESSAGE_LISTENING, /* the adopted socket INODE listens */
    MESSAGE_BOUND,   /* the datagram socket INODE is bound: who receives on it waits for clients */
    MESSAGE_WAITING, /* a thread is about to wait for clients */
    MESSAGE_UNLINK,  /* "I unlink the unix socket KEY: does another generation serve on it?" */
    MESSAGE_UNLINK_PID,   /* "I unlink a pid file that names SENDER: is that my successor?" */
    MESSAGE_PROC,         /* "I cannot see /proc: open my directory of it" */
    MESSAGE_SIGNAL_GROUP, /* "send SIGNAL_NUMBER to my generation's part of our process group" */
    MESSAGE_UPGRADE,      /* "SENDER sent me the upgrade signal: is it yours or the program's?" */
    MESSAGE_LISTENER,     /* one listener this process holds, with its descriptor */
    MESSAGE_COLLECTED,    /* that was the last one */
    MESSAGE_RETIRE,       /* "I was told to retire: what do I put in place?" */
    MESSAGE_QUEUE,        /* "I retire: do I keep the listener INODE, where clients wait?" */
    MESSAGE_SOCKETS,      /* sockets this process holds: COUNT of them */
    MESSAGE_RETIRED,      /* no listener is left here; ERROR says what went wrong */
    MESSAGE_LISTEN,       /* "I begin to serve on INODE, at KEY: does a successor serve there?" */
    MESSAGE_COUNTED,      /* the SOCKETS before it were all; ERROR says what went wrong */
    MESSAGE_SHUTDOWN,     /* "I shut INODE down": KEEP if another generation serves on it */
    MESSAGE_SHARED,       /* "I poll a datagram socket: does my predecessor receive on it still?" */
    MESSAGE_STEER,        /* "I spread clients myself: leave my sets alone"; answered by NONE */
    /* the helper answers */
    MESSAGE_ADOPT = 64, /* to BIND: the socket to have in its place, with its descriptor */
    MESSAGE_NONE,       /* to BIND: none for this key; to UNLINK, UPGRADE, LISTEN, QUEUE, SHARED: go
                           on */
    MESSAGE_KEEP,      /* to UNLINK: another generation does; to UNLINK_PID: it is; to QUEUE: do; to
                          LISTEN: no, your own does, on this datagram socket; to SHARED: not long */
    MESSAGE_SIGNALLED, /* to SIGNAL_GROUP: done */
    MESSAGE_UPGRADING, /* to UPGRADE: an upgrade has been started or noted; to SHARED: it has not
                          been told to retire yet */
    MESSAGE_DIRECTORY, /* to PROC: /proc/PID, with its descriptor */
    MESSAGE_REPLACEMENT,     /* to RETIRE: one descriptor for each `replacement`; to LISTEN: one */
    MESSAGE_REPLACEMENT_ASK, /* to RETIRE: the same, but ask about each listener's QUEUE first */
};

/*
 * What retired listeners become: a thread in accept() must go on blocking. Who
 * polls must not, whether the program has set O_NONBLOCK or not.
 */
enum replacement { BLOCKING, NON_BLOCKING, POLLED, REPLACEMENTS };

/*
 * What makes two listeners the same to their program: compared as bytes, so
 * unused bytes are zero.
 */
struct listener_key {
    int32_t family;
    int32_t type;
    int32_t protocol;
    int32_t v6only;
    uint32_t address_length;
    uint8_t address[ADDRESS_LENGTH]; /* as the program asked for it, port 0 included */
    char device[DEVICE_LENGTH];      /* SO_BINDTODEVICE */
};

/*
 * A socket that a process holds. FAMILY is 0 unless it is a connected internet
 * socket, of streams or datagrams; addresses and ports are those, in network byte order.
 */
struct socket_report {
    uint64_t inode;
    uint16_t family;
    uint16_t protocol;
    uint16_t local_port;
    uint16_t peer_port;
    uint32_t device; /* the interface that it is bound to, or 0 */
    uint32_t local[4];
    uint32_t peer[4];
};

enum { REPORTS_PER_MESSAGE = 4 };

struct message {
    uint32_t magic;
    uint16_t version;
    uint16_t kind;
    uint32_t generation;
    int32_t error;        /* errno of what went wrong, or 0 */
    int32_t status_flags; /* LISTENER: F_GETFL at the time of collecting */
    int32_t sender; /* UPGRADE: pid of who sent the signal, 0 if that is not known; UNLINK_PID */
    uint32_t order; /* LISTENER: the k-th this process bound */
    int32_t signal_number; /* SIGNAL_GROUP */
    uint64_t inode;
    union {
        struct listener_key key;
        struct {
            uint32_t count;
            struct socket_report item[REPORTS_PER_MESSAGE];
        } sockets;
    };
};

/*
 * Orders. The value must fit 32 bits, since sigval is that wide there: eight
 * bits that mark it as ours, four of order, twenty of generation.
 */
enum order {
    ORDER_COLLECT = 1, /* send your listeners: an upgrade begins */
    ORDER_RETIRE,      /* the next generation is ready: stop accepting */
    ORDER_RESUME,      /* the upgrade has failed: carry on as before */
    ORDER_REARM,       /* clients may be waiting that the retired generation was woken for */
    ORDER_WAKE,        /* restart your system call on what the descriptor is now */
    ORDER_COUNT,       /* report the sockets that you hold */
};

static inline uint32_t order_value(enum order order, unsigned generation)
{
    return 0x54000000u | (uint32_t)order << 20 | (generation & 0xfffffu);
}

/* Which order a SIGURG carries for this generation, or 0: then it is not one of ours. */
static inline int order_of_value(uint32_t value, unsigned generation)
{
    if (value >> 24 != 0x54 || (value & 0xfffffu) != (generation & 0xfffffu))
        return 0;
    return (int)(value >> 20 & 0xf);
}

#endif
