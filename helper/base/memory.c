#include "memory.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"

static void *insist(void *memory)
{
    if (!memory) {
        log_line(LEVEL_ERROR, "out of memory");
        abort();
    }
    return memory;
}

void *allocate(size_t count, size_t size)
{
    return insist(calloc(count, size));
}

void *grow(void *memory, size_t count, size_t size)
{
    size_t bytes;

    /* reallocarray() does the same, and glibc has it since 2.26 */
    return insist(__builtin_mul_overflow(count, size, &bytes) ? NULL : realloc(memory, bytes));
}

void *append_item(void *list, size_t *count, const void *item, size_t size)
{
    char *longer = grow(list, *count + 1, size);

    memcpy(longer + *count * size, item, size);
    ++*count;
    return longer;
}
