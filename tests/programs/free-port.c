/*
 * Prints a port that nobody uses over IPv4 or IPv6, outside the range that the kernel hands to
 * clients, so that no connection of a load takes it meanwhile. With a number: so many ports.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOWEST = 12000, PORTS = 20000, MOST = 64 };

/* Keeps the socket, so that the same port is not found twice. */
static bool take(int port)
{
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET6, SOCK_STREAM, 0); /* dual: it conflicts with IPv4, too */

    if (fd != -1)
        return bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0;
    fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd != -1 && bind(fd, (struct sockaddr *)&any4, sizeof(any4)) == 0;
}

int main(int argc, char **argv)
{
    int wanted = argc > 1 ? atoi(argv[1]) : 1;

    for (int tries = 0; wanted > 0 && tries < PORTS; tries++) {
        unsigned number;
        int port;

        if (getrandom(&number, sizeof(number), 0) != sizeof(number))
            return 1;
        port = LOWEST + (int)(number % PORTS);
        if (!take(port))
            continue;
        printf("%d\n", port);
        wanted--;
    }
    return wanted == 0 ? 0 : 1;
}
