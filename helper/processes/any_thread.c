#include "any_thread.h"

#include <stdlib.h>

#include "family.h"
#include "helper/kernel/procfile.h"

bool any_thread_of(unsigned generation, bool (*is_so)(pid_t pid, pid_t thread, const void *data),
                   const void *data)
{
    const struct family *family = look_at_family();
    bool found = false;

    for (size_t i = 0; i < family->count && !found; i++) {
        pid_t pid = family->member[i].pid;
        pid_t *threads;
        size_t count;

        if (family->member[i].generation != generation)
            continue;
        list_threads(pid, &threads, &count);
        for (size_t k = 0; k < count && !found; k++)
            found = is_so(pid, threads[k], data);
        free(threads);
    }
    return found;
}
