/* The texts in /proc, as the library reads them, and the variable that names its session. */
#include "preload/kernel/proc_text.h"

#include "fuzz.h"
#include "preload/join.h"
#include "preload/process/process.h"

static void try_input(const uint8_t *data, size_t size)
{
    char *text = text_of(data, size);
    struct epoll_watch watch;
    struct system_call call;
    struct session parsed = {0};

    if (parse_epoll_watch(text, &watch))
        HOLDS(watch.fd >= 0);
    (void)parse_system_call(text, &call);
    HOLDS(parse_entry(text) >= -1);
    if (parse_session(text, &parsed))
        HOLDS(parsed.generation > 0 && parsed.opener > 0 &&
              strlen(parsed.name) == SESSION_NAME_LENGTH);
    free(text);
}
