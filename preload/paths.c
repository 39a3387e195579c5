/*
 * Which generation serves on the file is for the helper to say. It is asked
 * about sockets alone, which few programs ever unlink.
 */
#include "paths.h"

#include <errno.h>
#include <sys/stat.h>

#include "control.h"
#include "kernel.h"
#include "keys.h"
#include "process.h"

static bool helper_wants_it_kept(const struct stat *status)
{
    struct message message = new_message(MESSAGE_UNLINK);
    int control = open_control_patiently();
    bool kept;

    if (control == -1)
        return false;
    set_file_identity(&message.key, status->st_dev, status->st_ino);
    kept = send_message(control, &message, -1) == 0 &&
           receive_message(control, &message, NULL, 0) == 0 && message.kind == MESSAGE_KEEP;
    kernel_close(control);
    return kept;
}

bool must_keep_path(int directory, const char *path)
{
    int saved = errno;
    struct stat status;
    bool keep = session.active && path &&
                fstatat(directory, path, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                S_ISSOCK(status.st_mode) && helper_wants_it_kept(&status);

    errno = saved;
    return keep;
}
