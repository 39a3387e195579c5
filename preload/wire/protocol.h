/*
 * What the two halves say to each other: the library in the server's processes
 * and tfhelper, their parent.
 *
 * Questions and answers are messages on an abstract unix SOCK_SEQPACKET socket,
 * opened for one exchange and closed after it. Orders go the other way, as SIGURG
 * with a value that names order and generation. What a message of each kind may
 * hold is in messages.c; how it travels, with descriptors, in packet.c.
 *
 * A session may have programs of 32 and of 64 bits: every field has a width of
 * its own, and none is a pointer, a long or an enum.
 */
#ifndef TFPRELOAD_PROTOCOL_H
#define TFPRELOAD_PROTOCOL_H

#include <assert.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A version adds kinds of messages, or changes what they are about, and is understood by its
 * neighbours: whoever answers does so in the version of the question, and the library speaks the
 * newest that both halves know. What changes the layout makes it the oldest that is understood.
 * The start of every message, up to its generation, and the text in SESSION_VARIABLE are for good.
 * (The tests build halves of other versions.)
 */
#ifndef TFP_PROTOCOL_VERSION
#define TFP_PROTOCOL_VERSION 3
#define TFP_OLDEST_PROTOCOL 3
#endif

enum {
    PROTOCOL_MAGIC = 0x7f707265,
    PROTOCOL_VERSION = TFP_PROTOCOL_VERSION,
    OLDEST_PROTOCOL = TFP_OLDEST_PROTOCOL,
};

/* The order signal: ignored by default, so harmless to a process that has just executed something
 * else, and used by almost nobody (out-of-band data). */
#define ORDER_SIGNAL SIGURG

/*
 * In the environment of every process of a session, and nowhere else:
 * the helper's VERSION/SOCKET/GENERATION/HELPER-PID/UPGRADE-SIGNAL/OPENER-PID/OPENER-UID/SECRET, as
 * in 3/5f…c2/3/4711/1/4711/0/07…9a. The opener is who has made the socket, which is what the kernel
 * tells of its other end: a helper that has followed a daemon to the background has another pid
 * than that. Every user reads the socket's name in /proc/net/unix; the secret, only who may read
 * the environment of one of the processes.
 */
#define SESSION_VARIABLE "TFPRELOAD_SESSION"
#define SESSION_FORMAT "%d/%s/%u/%d/%d/%d/%u/%s"

/* The files that the operator has generations share: in their environment, that there are any. */
#define SHARED_FILES_VARIABLE "TFPRELOAD_SHARED_FILES"

/* How the library hands LD_PRELOAD through tfhelper, which must not load it itself. */
#define PRELOAD_VARIABLE "TFPRELOAD_LD_PRELOAD"

/* Set for the server where the helper keeps copies of listeners; the value is the setting's. */
#define RESTART_VARIABLE "TFPRELOAD_RESTART"

/* Where generations keep their datagram peers, that they do. */
#define UDP_VARIABLE "TFPRELOAD_UDP"

/* Set for a server whose predecessor ran before the helper, and without the library. */
#define STRANGER_VARIABLE "TFPRELOAD_STRANGER"

/* Each byte of the secret is two digits in the environment. */
/* The first half of a secret is the session's, and the other one that of the process's generation.
 */
enum { SESSION_SECRET_LENGTH = 8, GENERATION_SECRET_LENGTH = 8 };

enum { SESSION_NAME_LENGTH = 32, SECRET_LENGTH = 16, DEVICE_LENGTH = 16, ADDRESS_LENGTH = 128 };

/*
 * First byte of the path in the key of a unix socket that is named by its file, not its path. After
 * the file's identity, the name in its directory that is in question may follow, if it is no longer
 * than that.
 */
enum { UNIX_FILE_MARK = 1, FILE_IDENTITY_LENGTH = 24, LONGEST_FILE_NAME = 86 };

/* The socket's name in the abstract namespace, after the leading NUL. */
#define SOCKET_PREFIX "tfpreload-"

enum message_kind {
    /* the library asks or tells */
    MESSAGE_BIND = 1,  /* "I bind KEY: is there an inherited socket for it?" */
    MESSAGE_GIVE_BACK, /* the adopted socket INODE was bound for a client: it is free again */
    MESSAGE_LISTENING, /* the adopted socket INODE listens */
    MESSAGE_BOUND,     /* the socket INODE is bound to serve: who waits on it waits for clients */
    MESSAGE_WAITING,   /* a thread is about to wait for clients */
    MESSAGE_UNLINK, /* "I unlink the unix socket KEY: do clients find another generation there?" */
    MESSAGE_UNLINK_PID,   /* "I unlink FILE, which names PID: is that another generation's?" */
    MESSAGE_PROC,         /* "I cannot see /proc: what does it say?" POSITION: which proc_text */
    MESSAGE_SIGNAL_GROUP, /* "send SIGNAL_NUMBER to my generation's part of our process group" */
    MESSAGE_UPGRADE,      /* "PID sent me the upgrade signal: is it yours or the program's?" */
    MESSAGE_LISTENER,     /* one listener this process holds, with its descriptor */
    MESSAGE_COLLECTED,    /* that was the last one */
    MESSAGE_RETIRE,       /* "I was told to retire: what do I put in place?" */
    MESSAGE_QUEUE,        /* "I retire: do I keep the listener INODE, where clients wait?" */
    MESSAGE_SOCKETS,      /* sockets this process holds: COUNT reports follow */
    MESSAGE_RETIRED,      /* no listener is left here; ERROR says what went wrong */
    MESSAGE_LISTEN,       /* "I begin to serve on INODE, at KEY: who else serves there?" */
    MESSAGE_COUNTED,      /* the SOCKETS before it were all; ERROR: EAGAIN, or what went wrong */
    MESSAGE_SHUTDOWN,     /* "I shut INODE down: does another generation serve on it?" */
    MESSAGE_SHARED,       /* "I poll a datagram socket: does my predecessor receive on it still?" */
    MESSAGE_STEER,        /* "I spread clients myself: leave my sets alone" */
    MESSAGE_TAKE_BACK,    /* "I am to serve again: give me the listener INODE" */
    MESSAGE_TAKEN_BACK,   /* that was the last one; ERROR says what went wrong */
    MESSAGE_SIGNAL,       /* "I signal PID: is there such a process, for me?" */
    MESSAGE_COPIED,       /* to ORDER_COPY: the LISTENERs before it were all; ERROR likewise */
    MESSAGE_CONNECT,      /* "I connect to KEY: is that my predecessor?" */
    MESSAGE_LOCK,         /* "somebody else has locked FILE: is that my predecessor?" */
    MESSAGE_CREATE,       /* "FILE, with PID in it, is there: is it my predecessor's?" */
    MESSAGE_UNLINK_FILE,  /* "I unlink FILE: do generations share it?" */
    MESSAGE_PEERS,        /* "I serve datagrams: where do I keep whom I talk to?" */
    MESSAGE_PEER, /* "I have retired, and talk to somebody new over the datagram socket INODE" */
    MESSAGES_END,
    /* the helper answers; a kind means one thing, whatever was asked */
    ANSWER_ADOPT = 64,           /* to BIND: the socket to have in its place, with its descriptor */
    ANSWER_BIND_YOURSELF,        /* to BIND: there is none for this key */
    ANSWER_KEEP_FILE,            /* to UNLINK and its like: another generation needs it */
    ANSWER_UNLINK_FILE,          /* to these, and CREATE: nobody else does */
    ANSWER_PROC_TEXT,            /* to PROC: that, with a file in memory that has it */
    ANSWER_NO_PROC_TEXT,         /* to PROC: there is none */
    ANSWER_SIGNALLED,            /* to SIGNAL_GROUP: done */
    ANSWER_NOT_SIGNALLED,        /* to SIGNAL_GROUP: that is no signal */
    ANSWER_UPGRADING,            /* to UPGRADE: an upgrade has been started or noted */
    ANSWER_NOT_OURS,             /* to UPGRADE: the signal is the program's own */
    ANSWER_REPLACEMENTS,         /* to RETIRE: one descriptor for each `replacement` */
    ANSWER_REPLACEMENTS_BUT_ASK, /* to RETIRE: the same, but ask about each listener's QUEUE first
                                  */
    ANSWER_KEEP_LISTENER,        /* to QUEUE: nobody else will serve who waits there */
    ANSWER_RETIRE_LISTENER,      /* to QUEUE: it may go */
    ANSWER_DEAF_SOCKET, /* to LISTEN: a successor does; what to have instead, with its descriptor */
    ANSWER_SERVED,      /* to LISTEN: your own generation does, on this datagram socket */
    ANSWER_NOT_SERVED,  /* to LISTEN: nobody that we know of */
    ANSWER_SHARED_SOCKET,       /* to SHUTDOWN: another generation does */
    ANSWER_OWN_SOCKET,          /* to SHUTDOWN: no other does */
    ANSWER_PREDECESSOR_SERVES,  /* to SHARED: yes, and has not been told to retire */
    ANSWER_PREDECESSOR_RETIRES, /* to SHARED: yes, but not for long */
    ANSWER_NO_PREDECESSOR,      /* to SHARED: no */
    ANSWER_STEER,               /* to STEER: what was ours is off the sets */
    ANSWER_LISTENER_BACK,       /* to TAKE_BACK: with its descriptor */
    ANSWER_LISTENER_GONE,       /* to TAKE_BACK: it is not there any more */
    ANSWER_HIDDEN_PROCESS,      /* to SIGNAL: no, it belongs to another generation */
    ANSWER_SEEN_PROCESS,        /* to SIGNAL: if there is, it does not */
    ANSWER_CONNECT,             /* to CONNECT: no */
    ANSWER_CONNECT_ALWAYS,      /* to CONNECT: no, and do not ask again */
    ANSWER_REFUSE,              /* to CONNECT: yes, and it is to be as if nobody were there */
    ANSWER_SHARE_FILE,          /* to LOCK, CREATE: yes, and the operator has named it */
    ANSWER_OTHERS_FILE,         /* to these: not as far as you are concerned */
    ANSWER_UNSHARED,            /* to these: no, and do not ask again */
    ANSWER_PEER_TABLE,          /* to PEERS: in memory that we share, with its file */
    ANSWER_NO_PEER_TABLE,       /* to PEERS: nowhere */
    ANSWER_PEER_KNOWN,          /* to PEER: what comes from there goes to you, if to anybody */
    ANSWERS_END,
};

/* What a command may demand; all but the two of a status have the helper tell what happens, too. */
enum demand {
    DEMAND_STATUS = 128, /* one REPORT_STATUS, with the descriptor of a file of records */
    DEMAND_WATCH,        /* events from now on, until the client closes */
    DEMAND_UPGRADE,      /* the same, and an upgrade */
    DEMAND_STOP,         /* the same, and the graceful end of the service */
    DEMAND_SUMMARY,      /* as DEMAND_STATUS, without what the helper has to look for */
    DEMAND_COMMIT,       /* as DEMAND_WATCH, and the generation that is held may go */
    DEMAND_ROLL_BACK,    /* the same, and that one is to serve again */
    DEMAND_SIGNAL,       /* as DEMAND_WATCH, and SIGNAL_NUMBER for every generation */
    DEMAND_CUT,          /* as DEMAND_WATCH, and generation COUNT, which drains, is to end now */
    DEMAND_RENEWAL,      /* as DEMAND_WATCH, and the helper executes its new version */
    DEMANDS_END,
};

/* What a process that sees no /proc asks of itself. The first and the third: a number a line. */
enum proc_text {
    PROC_DESCRIPTORS = 1,
    PROC_DESCRIPTOR, /* fdinfo of descriptor INODE */
    PROC_THREADS,
    PROC_SYSTEM_CALL, /* of thread INODE */
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

struct message {
    uint32_t magic;
    uint16_t version;
    uint16_t kind;
    uint8_t secret[SECRET_LENGTH]; /* of the library alone */
    uint32_t generation;           /* of the process that asks; 0 in answers and demands */
    int32_t error;                 /* errno of what went wrong, or 0 */
    int32_t status_flags;          /* LISTENER: F_GETFL at the time of collecting */
    int32_t pid;           /* UPGRADE: who sent the signal, 0 if that is not known; UNLINK_PID */
    uint32_t position;     /* LISTENER: this was the process's first, second, … bind; PROC */
    int32_t signal_number; /* SIGNAL_GROUP, SIGNAL */
    uint64_t inode;
    struct listener_key key;
    uint32_t count; /* SOCKETS: reports; DEMAND_UPGRADE: milliseconds to hold the old generation;
                       DEMAND_CUT: the number of one */
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
    uint32_t padding; /* 0; else the size would be another one where uint64_t is aligned to 4 */
};

/* A packet that a sender has room for many times: 212,992 bytes, net.core.wmem_default. */
enum { REPORTS_PER_MESSAGE = 200 };

/* MESSAGE_SOCKETS: the first COUNT reports are sent, and no more. */
struct sockets_message {
    struct message message;
    struct socket_report report[REPORTS_PER_MESSAGE];
};

/* Two libraries of one version agree on these, whoever has compiled them. */
static_assert(sizeof(struct listener_key) == 164, "a key has no holes");
static_assert(sizeof(struct message) == 224 && offsetof(struct message, generation) == 24 &&
                  offsetof(struct message, inode) == 48 && offsetof(struct message, key) == 56 &&
                  offsetof(struct message, count) == 220,
              "a message has no holes");
static_assert(sizeof(struct socket_report) == 56 && offsetof(struct socket_report, local) == 20,
              "a report has no holes");
static_assert(offsetof(struct sockets_message, report) == sizeof(struct message) &&
                  sizeof(struct sockets_message) < 16384,
              "the reports follow the message");

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
    ORDER_COUNT,     /* report the sockets that you hold, or some of them: EAGAIN, there are more */
    ORDER_TAKE_BACK, /* your successor has failed: serve again what you have given up */
    ORDER_COUNT_ON,  /* report the sockets that come next */
    ORDER_COPY,      /* send your listeners, to be kept: there is no successor yet */
    ORDER_LOCK,      /* an older generation is gone: take the locks that you have shared */
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
