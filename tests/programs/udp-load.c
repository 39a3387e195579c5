/*
 * udp-load HOST PORT CLIENTS SECONDS: each client sends a datagram and waits for its answer, again
 * and again, from a socket that is connected: an answer from another port does not arrive. Prints
 * answers, lost, wrong, the longest gap between two answers (ms), versions seen; status 1 if
 * anything was lost or wrong; and on stderr each version when it is first seen. SIGINT ends it
 * early.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_CLIENTS = 256, PATIENCE_MS = 2000, MOST_VERSIONS = 256 };

static struct client {
    int fd;
    unsigned token;
    int64_t sent;
} clients[MOST_CLIENTS];

static unsigned long answers, lost, wrong;
static int64_t last_answer, longest_gap;
static char versions[MOST_VERSIONS][32];
static int version_count;
static volatile sig_atomic_t ended;

static void end(int number)
{
    (void)number;
    ended = 1;
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int open_client(const char *host, int port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    int is_v6 = inet_pton(AF_INET6, host, &v6.sin6_addr) == 1;
    int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    if (!is_v6 && inet_pton(AF_INET, host, &v4.sin_addr) != 1)
        exit(2);
    if (connect(fd, is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4,
                is_v6 ? sizeof v6 : sizeof v4) == -1)
        exit(1);
    return fd;
}

static void ask(struct client *client)
{
    static unsigned next;
    char text[32];
    int size = snprintf(text, sizeof text, "%u", client->token = ++next);

    client->sent = now_ms();
    (void)!send(client->fd, text, (size_t)size, 0);
}

static void note_version(const char *version)
{
    for (int i = 0; i < version_count; i++)
        if (strcmp(versions[i], version) == 0)
            return;
    if (version_count == MOST_VERSIONS)
        return;
    snprintf(versions[version_count++], sizeof *versions, "%s", version);
    fprintf(stderr, "version %s\n", version); /* for a test that waits for it */
}

static void take_answer(struct client *client)
{
    char text[256];
    char version[32];
    unsigned token;
    int pid;
    ssize_t size = recv(client->fd, text, sizeof text - 1, 0);
    int64_t now = now_ms();

    if (size < 0)
        return; /* ECONNREFUSED: nobody was bound; it counts as lost when its time is up */
    text[size] = '\0';
    if (sscanf(text, "%31s %d %u", version, &pid, &token) != 3 || token != client->token) {
        wrong++;
        return;
    }
    answers++;
    note_version(version);
    if (last_answer && now - last_answer > longest_gap)
        longest_gap = now - last_answer;
    last_answer = now;
    client->sent = 0;
}

int main(int argc, char **argv)
{
    struct pollfd fds[MOST_CLIENTS];
    int count = argc == 5 ? (int)strtol(argv[3], NULL, 10) : 0;
    int64_t stop = now_ms() + (argc == 5 ? strtol(argv[4], NULL, 10) * 1000 : 0);
    int waiting = 1;

    if (count < 1 || count > MOST_CLIENTS)
        return 2;
    signal(SIGINT, end);
    for (int i = 0; i < count; i++) {
        clients[i].fd = open_client(argv[1], (int)strtol(argv[2], NULL, 10));
        fds[i] = (struct pollfd){.fd = clients[i].fd, .events = POLLIN};
    }
    while (waiting > 0) {
        int64_t now = now_ms();

        waiting = 0;
        for (int i = 0; i < count; i++) {
            if (clients[i].sent && now - clients[i].sent > PATIENCE_MS) {
                lost++;
                clients[i].sent = 0;
            }
            if (!clients[i].sent && !ended && now < stop)
                ask(&clients[i]);
            waiting += clients[i].sent != 0;
        }
        if (poll(fds, (nfds_t)count, 10) > 0)
            for (int i = 0; i < count; i++)
                if (fds[i].revents)
                    take_answer(&clients[i]);
    }
    printf("answers %lu lost %lu wrong %lu gap %lld versions %d\n", answers, lost, wrong,
           (long long)longest_gap, version_count);
    return lost || wrong || !answers;
}
