#include "lookup.h"

#include <errno.h>

enum lookup failed_look(int error)
{
    return error == ENOENT || error == ESRCH ? IS_GONE : CANNOT_TELL;
}

bool is_denied(int error)
{
    return error == EACCES || error == EPERM;
}

bool may_pass(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
}
