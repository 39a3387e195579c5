#include "privileges.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

/* execve(2): S_ISGID without execution for the group means something else */
static bool sets_id(const struct stat *status)
{
    const mode_t group = S_ISGID | S_IXGRP;

    return (status->st_mode & S_ISUID && status->st_uid != getuid()) ||
           ((status->st_mode & group) == group && status->st_gid != getgid());
}

enum privileges find_privileges(int file)
{
    struct statvfs file_system;
    struct stat status;

    if (fstatvfs(file, &file_system) == 0 && file_system.f_flag & ST_NOSUID)
        return NO_PRIVILEGES;
    if (fstat(file, &status) == 0 && sets_id(&status))
        return SET_ID;
    if (geteuid() != 0 && fgetxattr(file, "security.capability", NULL, 0) > 0)
        return CAPABILITIES;
    return NO_PRIVILEGES;
}
