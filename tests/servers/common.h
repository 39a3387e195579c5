/*
 * What the test servers share. They are ordinary servers: nothing here, and nothing in them,
 * knows about tfpreload. Each X.c beside this file is one way to wait for clients; the
 * common*.c files are the rest of a server.
 */
#ifndef TESTS_SERVERS_COMMON_H
#define TESTS_SERVERS_COMMON_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    MAX_LISTENERS = 8,
    MAX_WORKERS = 256,
    MAX_WORD = 64, /* characters of a token or a version */
    MAX_REQUEST = sizeof("GET \n") + MAX_WORD,
    MAX_ANSWER = 2 * MAX_WORD + 32,
};

/* ---- common_options.c: what the command line and the options file ask for ---- */

struct address {
    struct sockaddr_storage sockaddr;
    socklen_t length;
};

struct settings {
    struct address address[MAX_LISTENERS];
    int addresses;
    const char *version;
    const char *version_file;
    const char *options_file;
    const char *pidfile;
    const char *start_when;  /* this file is there; before anything else */
    const char *accept_when; /* the same, before each accept() */
    int start_delay;         /* ms, before socket() */
    int listen_delay;        /* ms, between bind() and listen() */
    int service_time;        /* ms, for each request */
    int accept_delay;        /* ms, before each accept() */
    int exit_at_start;       /* status, -1: do not */
    int exit_after_listen;   /* status, -1: do not */
    int term_status;
    const char *chroot; /* entered once it listens */
    int user;           /* uid taken on once it listens, 0: stay */
    int backlog;
    int workers;
    /* Flags: int, as getopt_long() wants them. */
    int crash;
    int hang;
    int print_port;
    int reuseport;
    int hup_handler;
    int strict;   /* an error that Linux would not have shown is the end */
    int untraced; /* nobody stops it or looks at it with strace, which epoll_wait() would show */
    int told;     /* prefork: a worker polls before it accepts */
    int lock;     /* prefork: one worker at a time waits for a client */
    int nonblock; /* 1 --nonblock, 0 --block; once the server has started as it likes, or until
                     then: */
#define AS_THE_SERVER_LIKES (-1)
};

extern struct settings settings;

/* Fills settings, or ends the program: status 2 for usage, 1 for a file that cannot be read. */
void read_settings(int argc, char **argv);

/* ---- common.c: from argv to listening sockets ---- */

/* How a server wants its listeners, unless --block or --nonblock say otherwise. */
enum listener_mode { BLOCKING, NONBLOCKING, ALWAYS_NONBLOCKING };

struct listeners {
    int fd[MAX_LISTENERS];
    int count;
    bool nonblocking;
};

/* Does all that a server does before it waits for clients; never returns on failure. */
struct listeners start_server(int argc, char **argv, enum listener_mode mode);

bool is_listener(const struct listeners *listeners, int fd);

/* Prints one line on stderr and exits. */
__attribute__((noreturn, format(printf, 2, 3))) void die(int status, const char *format, ...);

void set_handler(int signal, void (*handler)(int));

/* What --hup-handler does, also safe in a signal handler. */
void say_own_hup_handler(void);

/*
 * May a call that has failed so be made again? It was interrupted, or the program ends. No call
 * is, but for the waits of signal(7), where all handlers are installed with SA_RESTART.
 */
bool may_repeat(const char *call);

/*
 * The same for poll() and select(), which a handler of --hup-handler interrupts, and for
 * epoll_wait(), which who was stopped or traced finds interrupted as well: signal(7).
 */
void survive_failed_wait(const char *call);
void survive_failed_epoll_wait(void);

/* Says so: whoever made it wait may change its options now, for the next one. */
void wait_for_file(const char *path);

void pause_ms(int ms);
int64_t now_ms(void);

/* ---- common_accept.c ---- */

/*
 * One try, with accept4's flags. Returns the client's descriptor, or -1 and accept4's errno for
 * what passes. Ends the program when the listener cannot be used any more, and with --strict
 * for whatever accept() does not say of such a listener on Linux.
 */
int accept_one(int listener, int flags);

/* Waits for a client, on a blocking or a non-blocking listener. */
int accept_wait(int listener);

/* ---- common_protocol.c: "GET <token>\n" is answered by "<version> <pid> <token>\n" ---- */

/* Received, but not answered yet. */
struct inbox {
    char bytes[MAX_REQUEST];
    size_t length;
};

enum request { NO_REQUEST_YET, GOOD_REQUEST, BAD_REQUEST };

/* Takes the first request out of the inbox, and composes the answer unless there is none yet. */
enum request take_request(struct inbox *inbox, char answer[MAX_ANSWER]);

/* ---- common_blocking.c: for servers with a thread or process for each client ---- */

/* Serves one client until it closes or asks something malformed, then closes fd. */
void serve_client(int fd);

/* ---- common_connection.c: for servers with an event loop ---- */

enum phase { RECEIVING, WORKING, ANSWERING };

struct connection {
    int fd;
    enum phase phase;
    int64_t work_done; /* when WORKING ends, see now_ms() */
    bool last_answer;  /* close after this one */
    struct inbox inbox;
    char answer[MAX_ANSWER];
    size_t answer_length;
    size_t answer_sent;
};

/* The loop has accepted fd, non-blocking. NULL, and fd is closed, if there is no room. */
struct connection *add_connection(int fd);

/* Open connections in the order of their descriptors: the first one above fd, or NULL. */
struct connection *next_connection(int fd);

/* NULL if there is none. */
struct connection *find_connection(int fd);

/* Does what can be done without waiting. False: the connection was closed and freed. */
bool advance_connection(struct connection *connection);

void drop_connection(struct connection *connection);

/* POLLIN, POLLOUT or, while WORKING, 0. epoll uses the same values. */
short wanted_events(const struct connection *connection);

/* Until the next connection has worked for --service-time: a timeout for poll(), -1 if none. */
int work_timeout_ms(void);

/* Calls advance for each connection that has worked long enough. */
void advance_due(bool (*advance)(struct connection *connection));

#endif
