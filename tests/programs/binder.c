/*
 * binder connect|reopen PORT: binds in ways that are not those of a plain listener, then listens on
 * a port that the kernel chooses, prints "port N", and answers each connection with its pid.
 *
 *   connect  first binds another socket to port 0 and connects it to PORT, as clients do that
 *            choose their source address; prints "client connected"
 *   reopen   binds and listens twice, with a close in between, on PORT itself
 *
 * binder MODE PORT TARGET: first binds a client to PORT and connects it to TARGET, prints "client
 * from N", then serves on PORT, as above.
 *
 *   client   the client ends its connection
 *   kept     the client stays connected
 *   shared   as kept, and both have SO_REUSEPORT
 *   udp      as kept, with datagrams; the client is answered before that
 */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool udp, shared;

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void check(int result, const char *what)
{
    if (result == -1) {
        perror(what);
        exit(1);
    }
}

static int bound_socket(int port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, udp ? SOCK_DGRAM : SOCK_STREAM, 0);

    if (shared)
        check(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){1}, sizeof(int)), "setsockopt");
    check(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)), "setsockopt");
    check(bind(fd, (struct sockaddr *)&address, sizeof address), "bind");
    return fd;
}

static int port_of(int fd)
{
    struct sockaddr_in address = {0};
    socklen_t length = sizeof address;

    check(getsockname(fd, (struct sockaddr *)&address, &length), "getsockname");
    return ntohs(address.sin_port);
}

static void connect_from_any_port(int port)
{
    struct sockaddr_in address = loopback(port);
    int fd = bound_socket(0);

    check(connect(fd, (struct sockaddr *)&address, sizeof address), "connect");
    puts("client connected");
}

static void connect_from(int port, int target, bool stays)
{
    struct sockaddr_in address = loopback(target);
    const struct linger reset = {1, 0}; /* nothing of the connection is left: socket(7) */
    int fd = bound_socket(port);
    char answer[128];

    check(connect(fd, (struct sockaddr *)&address, sizeof address), "connect");
    if (udp) {
        check((int)send(fd, "client", 6, 0), "send");
        check((int)recv(fd, answer, sizeof answer, 0), "recv");
    }
    printf("client from %d\n", port_of(fd));
    if (stays)
        return;
    check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), "setsockopt");
    close(fd);
}

/* Each datagram is answered with our pid. */
static void serve_datagrams(int fd)
{
    printf("port %d\n", port_of(fd));
    fflush(stdout);
    for (;;) {
        struct sockaddr_in client;
        socklen_t length = sizeof client;
        char line[128];

        if (recvfrom(fd, line, sizeof line, 0, (struct sockaddr *)&client, &length) == -1)
            continue;
        snprintf(line, sizeof line, "%d\n", (int)getpid());
        sendto(fd, line, strlen(line), 0, (struct sockaddr *)&client, length);
    }
}

int main(int argc, char **argv)
{
    int port = argc >= 3 ? (int)strtol(argv[2], NULL, 10) : -1;
    int listener;

    if (argc == 4) {
        udp = strcmp(argv[1], "udp") == 0;
        shared = strcmp(argv[1], "shared") == 0;
        connect_from(port, (int)strtol(argv[3], NULL, 10), strcmp(argv[1], "client") != 0);
        listener = bound_socket(port);
        if (udp)
            serve_datagrams(listener);
    } else if (port <= 0) {
        return 2;
    } else if (strcmp(argv[1], "reopen") == 0) {
        listener = bound_socket(port);
        check(listen(listener, 16), "listen");
        close(listener);
        listener = bound_socket(port);
    } else {
        connect_from_any_port(port);
        listener = bound_socket(0);
    }
    check(listen(listener, 16), "listen");
    printf("port %d\n", port_of(listener));
    fflush(stdout);
    for (;;) {
        int client = accept(listener, NULL, NULL);

        if (client == -1)
            continue;
        dprintf(client, "%d\n", (int)getpid());
        close(client);
    }
}
