/* The calls on files that the library exports: see export.h. */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/types.h>

#include "export.h"
#include "preload/kernel/real.h"
#include "preload/sharing/files.h"
#include "preload/sharing/locks.h"

EXPORT(int, flock, (int fd, int operation))
{
    return program_flock(fd, operation);
}

EXPORT(int, lockf, (int fd, int command, off_t length))
{
    return program_lockf(fd, command, length);
}

#if __SIZEOF_LONG__ == 8 /* elsewhere a length has another type in this one */
EXPORT_AS(int, lockf64, (int fd, int command, off_t length), lockf);
#endif

/* The mode is there only where a file may be made, and is passed on whatever it is. */
#define READ_MODE(mode, flags)                                                                     \
    va_list arguments;                                                                             \
                                                                                                   \
    va_start(arguments, flags);                                                                    \
    mode = va_arg(arguments, mode_t);                                                              \
    va_end(arguments)

EXPORT(int, open, (const char *path, int flags, ...))
{
    mode_t mode;

    READ_MODE(mode, flags);
    return open_program_file(real()->open, path, flags, mode);
}

EXPORT(int, open64, (const char *path, int flags, ...))
{
    mode_t mode;

    READ_MODE(mode, flags);
    return open_program_file(real()->open64, path, flags, mode);
}

EXPORT(int, openat, (int directory, const char *path, int flags, ...))
{
    mode_t mode;

    READ_MODE(mode, flags);
    return open_program_file_at(real()->openat, directory, path, flags, mode);
}

EXPORT(int, openat64, (int directory, const char *path, int flags, ...))
{
    mode_t mode;

    READ_MODE(mode, flags);
    return open_program_file_at(real()->openat64, directory, path, flags, mode);
}
