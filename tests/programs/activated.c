/*
 * activated: serves what it was given by socket activation, sd_listen_fds(3): descriptor 3, if
 * LISTEN_PID is its own pid. Answers each connection with "VERSION PID TOKEN"-like "1 PID token".
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
    const char *pid = getenv("LISTEN_PID");
    const char *count = getenv("LISTEN_FDS");

    if (!pid || !count || strtol(pid, NULL, 10) != getpid() || strtol(count, NULL, 10) != 1) {
        fprintf(stderr, "activated: no sockets for pid %d: LISTEN_PID=%s LISTEN_FDS=%s\n",
                (int)getpid(), pid ? pid : "", count ? count : "");
        return 1;
    }
    for (;;) {
        int client = accept(3, NULL, NULL);
        char line[128];

        if (client == -1)
            continue;
        if (read(client, line, sizeof line) > 0)
            dprintf(client, "1 %d token\n", (int)getpid());
        close(client);
    }
}
