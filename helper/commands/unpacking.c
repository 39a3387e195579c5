#include "unpacking.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include "helper/kernel/impatience.h"

/* Not that of the helper: who reads what a command writes may hang up, and ends it. */
void begin_unpacking(void)
{
    static bool opened;

    if (!opened)
        open_impatience(SIGALRM);
    opened = true;
    become_impatient();
}

void end_unpacking(void)
{
    become_patient();
}

void close_connection(int fd)
{
    int error = errno;

    begin_unpacking();
    close(fd);
    end_unpacking();
    errno = error;
}
