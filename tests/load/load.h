/*
 * The load client: asks a server for answers in four ways at once (closed-loop clients, kept
 * connections, slow requests, new connections at a fixed rate) and counts every way in which one
 * fails.
 * Single-threaded; times are nanoseconds of CLOCK_MONOTONIC unless a name says otherwise.
 */
#ifndef TESTS_LOAD_H
#define TESTS_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

enum {
    MAX_ANSWER = 1024, /* what is kept of an answer, and what a line may have */
    MAX_EXPECT = 256,
    MAX_VERSION = 64,
};

#define MS_NS INT64_C(1000000)
#define SECOND_NS INT64_C(1000000000)

static inline double ns_to_ms(int64_t ns)
{
    return (double)ns / (double)MS_NS;
}

/* ---- options.c ---- */

struct options {
    const char *host;
    int port;
    const char *path; /* of a unix socket, instead of host and port */
    int udp;
    int clients;
    int kept;
    int slow;
    int rate; /* new connections a second */
    int64_t think;
    int64_t kept_interval;
    int64_t kept_life; /* 0: as long as the run */
    int64_t slow_time; /* between the two halves of a request */
    int64_t duration;
    int64_t timeout;
    int ready_fd; /* -1: none */
    int json;
    const char *events; /* a file that gets a line for each exchange; NULL: none */
    const struct protocol *protocol;
    char *request; /* with escapes resolved; NULL: the protocol's default */
    size_t request_length;
    char *expect; /* likewise */
    size_t expect_length;
    char *hello; /* sent once a connection, before the first request */
    size_t hello_length;
    char *greeting; /* how what the server says to that, or at once, begins; NULL: nothing */
    size_t greeting_length;
};

extern struct options options;

/* Fills options; ends the program with status 2 if it cannot. */
void read_options(int argc, char **argv);

__attribute__((noreturn, format(printf, 1, 2))) void die_usage(const char *format, ...);

/* ---- client.c: one client, from connect() to the verdict ---- */

enum kind { CLOSED, KEPT, SLOW, RATE, KINDS };

enum state {
    RESTING,  /* no connection; begins an exchange when due */
    RETRYING, /* the queue of a unix listener was full; connects again when due */
    CONNECTING,
    SENDING,
    PAUSING, /* half of a slow request is sent; the rest when due */
    RECEIVING,
    IDLE, /* a kept connection between two exchanges; begins one when due */
};

/* The HTTP parser's state; see http.c. */
struct http {
    enum {
        STATUS,
        HEADER,
        BODY,
        BODY_TO_END, /* of the connection */
        CHUNK_SIZE,
        CHUNK_DATA,
        CHUNK_END,
        TRAILER,
        COMPLETE
    } part;
    char line[MAX_ANSWER];
    size_t line_length;
    uint64_t left; /* bytes of the body or chunk */
    bool chunked;
    bool has_length;
    bool keeps_alive;
    size_t expect_matched; /* bytes of --expect; all of them once it was found */
};

struct client {
    enum kind kind;
    enum state state;
    int fd; /* -1: none */
    int64_t due;
    size_t timer_slot; /* see timers.c */
    int64_t exchange_began;
    int64_t connected_at;
    bool opening; /* hello and greeting, before the first request */
    bool paused;  /* a slow request: the second half may go */
    const char *request;
    size_t request_length;
    size_t sent;
    char token[40];
    char line_request[48];
    char answer[MAX_ANSWER]; /* its beginning; http: why it is wrong */
    size_t answer_length;
    size_t received;            /* all bytes of this answer */
    char said[MAX_VERSION + 1]; /* the word by which the answer tells generations apart */
    struct http http;
};

/* Once, before the first client. */
void prepare_clients(int epoll_fd);

/* Allocates a client that begins its first exchange at `due`. */
struct client *add_client(enum kind kind, int64_t due);

/* The kernel has news about the client's connection. */
void handle_client_event(struct client *client);

/* The client's timer has come. */
void handle_client_timer(struct client *client, int64_t now);

/* From now on nothing new begins; exchanges in flight go on. */
void stop_clients(void);

/* Exchanges begun, and neither answered nor failed. */
int exchanges_in_flight(void);

/* ---- protocol.c (line, text, bytes) and http.c: what to ask, and whether the answer is right ----
 */

enum verdict {
    UNFINISHED,
    CORRECT,
    CORRECT_AND_LAST, /* the server will close, and says so */
    WRONG,            /* client->answer says more */
};

struct protocol {
    const char *name;
    void (*check_options)(void); /* may be NULL; ends the program if they do not fit */
    /* Sets the client's request, and forgets the last answer. */
    void (*ask)(struct client *client);
    /* More of the answer has come; length > 0. */
    enum verdict (*take)(struct client *client, const char *bytes, size_t length);
    /* The server has closed. */
    enum verdict (*end)(struct client *client);
    bool says_more; /* the server may send more than is looked at */
};

/* Sets what opens a connection. */
void ask_for_greeting(struct client *client);

/* More of the greeting has come; length > 0. */
enum verdict take_greeting(struct client *client, const char *bytes, size_t length);

extern const struct protocol line_protocol;
extern const struct protocol text_protocol;
extern const struct protocol bytes_protocol;
extern const struct protocol http_protocol;

/* ---- timers.c: the clients that wait for a time, nearest first ---- */

void set_timer(struct client *client, int64_t due);
void cancel_timer(struct client *client);

/* The client whose timer is nearest, or NULL. */
struct client *nearest_timer(void);

/* ---- statistics.c ---- */

enum failure {
    REFUSED,
    RESET,
    CLOSED_EARLY, /* the end came before the first byte of the answer, or between exchanges */
    SHORT,        /* the end came within the answer */
    WRONG_ANSWER,
    TIMEOUT,
    LOCAL, /* our own side ran out of descriptors or ports */
    OTHER,
    FAILURES
};

extern const char *const failure_names[FAILURES];

struct statistics {
    uint64_t answers;
    uint64_t failures[FAILURES];
    int other_errno; /* of the first OTHER */
    int64_t began;
    int64_t ended;
    int64_t last_answer; /* 0: none yet */
    int64_t longest_gap;
    bool closing; /* nothing new begins: the last answers may come as late as they like */
    int64_t longest_latency;
    unsigned versions;
    char last_version[MAX_VERSION + 1];
    unsigned pids;
};

extern struct statistics statistics;

int64_t now_ns(void);

void count_answer(int64_t now, int64_t latency);

/* error: an errno or 0. detail: printable bytes about the failure, or NULL. */
void count_failure(enum failure failure, enum kind kind, int error, const char *detail);

/* Who answered: one of the distinct versions and pids. */
void note_server(const char *version, size_t length, long pid);

/* The latency that a share (0 to 1) of all answers did not exceed. */
int64_t latency_quantile(double share);

uint64_t all_failures(void);

/* ---- events.c: --events ---- */

/* Once, before the first client; ends the program with status 2 if the file cannot be written. */
void open_events(void);

/* The first word of `text` is what the server says of itself in this answer. */
void keep_said(struct client *client, const char *text, size_t length);

/* An exchange has ended: outcome is "ok" or the name of a failure. */
void note_event(const struct client *client, int64_t now, const char *outcome);

/* What was noted is in the file. */
void close_events(void);

/* ---- report.c ---- */

void print_table(FILE *out);
void print_json(FILE *out);

#endif
