#include "other_writers.h"

#include <stddef.h>

#include "helper/base/log.h"
#include "helper/base/operators_file.h"
#include "settings.h"

static void warn_of(const char *what, const char *path)
{
    const char *writer = path ? other_writer(path) : NULL;

    if (writer)
        log_line(LEVEL_ERROR, "%s %s is trusted, and %s may write it", what, path, writer);
}

void warn_of_other_writers(void)
{
    warn_of("the hook", settings.hook);
    warn_of("the file of variables", settings.env_file);
    warn_of("the pidfile", settings.pidfile);
}
