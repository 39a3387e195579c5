/*
 * daemonize PIDFILE COMMAND...: go to the background the way that old servers
 * do (fork twice, new session, every descriptor closed, root directory, pidfile)
 * and execute the command there.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void write_pidfile(const char *path)
{
    FILE *file = fopen(path, "w");

    if (!file)
        exit(1);
    fprintf(file, "%d\n", (int)getpid());
    fclose(file);
}

static void close_everything(void)
{
    for (int fd = 0; fd < 1024; fd++)
        close(fd);
    open("/dev/null", O_RDWR);
    (void)!dup(0);
    (void)!dup(0);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: daemonize PIDFILE COMMAND...\n");
        return 2;
    }
    if (fork() != 0)
        _exit(0);
    setsid();
    if (fork() != 0)
        _exit(0);
    umask(0);
    close_everything();
    write_pidfile(argv[1]);
    if (chdir("/") == -1)
        return 1;
    execv(argv[2], argv + 2);
    return 127;
}
