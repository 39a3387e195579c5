#include "streams.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

void open_missing_streams(void)
{
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
        /* the lowest that is free is this one; the wrong way, it fails as a closed one does */
        if (fcntl(stream, F_GETFD) == -1)
            open("/dev/null", (stream == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
}

/* What has been missing since the start is ours alone, and the server is to find it closed. */
static bool is_missing(int stream)
{
    return fcntl(stream, F_GETFD) & FD_CLOEXEC;
}

static void let_go_of(int stream, int null)
{
    if (!is_missing(stream))
        dup2(null, stream);
}

void let_go_of_streams(void)
{
    struct stat status;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null == -1)
        return;
    let_go_of(STDIN_FILENO, null);
    let_go_of(STDOUT_FILENO, null);
    if (fstat(STDERR_FILENO, &status) == -1 || !S_ISREG(status.st_mode)) {
        let_go_of(STDERR_FILENO, null);
        log_to_syslog();
    }
    close(null);
}
