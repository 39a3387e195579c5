#include "clock.h"

#include <stdio.h>

const char *duration_text(int64_t nanoseconds)
{
    static char texts[4][32];
    static unsigned next;
    char *text = texts[next++ % 4];

    if (nanoseconds < SECOND)
        snprintf(text, sizeof *texts, "%lld ms", (long long)(nanoseconds / MILLISECOND));
    else if (nanoseconds < 10 * SECOND)
        snprintf(text, sizeof *texts, "%.1f s", (double)nanoseconds / SECOND);
    else
        snprintf(text, sizeof *texts, "%lld s", (long long)(nanoseconds / SECOND));
    return text;
}
