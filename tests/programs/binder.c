/*
 * binder connect|reopen PORT: binds in ways that are not those of a plain listener, then listens on
 * a port that the kernel chooses, prints "port N", and answers each connection with its pid.
 *
 *   connect  first binds another socket to port 0 and connects it to PORT, as clients do that
 *            choose their source address; prints "client connected"
 *   reopen   binds and listens twice, with a close in between, on PORT itself
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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
    int fd = socket(AF_INET, SOCK_STREAM, 0);

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

int main(int argc, char **argv)
{
    int port = argc == 3 ? (int)strtol(argv[2], NULL, 10) : 0;
    int listener;

    if (port == 0)
        return 2;
    if (strcmp(argv[1], "reopen") == 0) {
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
