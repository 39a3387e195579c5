#include "seen_connections.h"

#include <stdint.h>
#include <string.h>

#include "preload/kernel/kernel.h"

/* Fewer are not worth a page of memory, and beyond these numbers each is asked about. */
enum { FIRST_NOTED = 256, NUMBERS = 1 << 20, BITS = 8 };

static uint8_t *seen; /* a bit for each number; only what is written takes memory */
static int end;       /* beyond the highest that is noted */

void forget_seen_connections(void)
{
    if (seen)
        memset(seen, 0, (size_t)(end + BITS - 1) / BITS);
    end = 0;
}

void note_seen_connection(int fd)
{
    if (fd < FIRST_NOTED || fd >= NUMBERS)
        return;
    if (!seen)
        seen = kernel_map(NUMBERS / BITS);
    if (!seen)
        return;
    seen[fd / BITS] |= (uint8_t)(1u << fd % BITS);
    end = fd + 1 > end ? fd + 1 : end;
}

bool was_seen_connection(int fd)
{
    return fd < end && seen[fd / BITS] >> fd % BITS & 1;
}
