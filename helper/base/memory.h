/* Memory for a process that must not fail half-way through an upgrade. */
#ifndef TFHELPER_MEMORY_H
#define TFHELPER_MEMORY_H

#include <stddef.h>

/* calloc() and realloc() that end the helper, with one line, when there is no memory. */
void *allocate(size_t count, size_t size);
void *grow(void *memory, size_t count, size_t size);

/* A list with one item more, a copy of `item`, whose size is `size`. */
void *append_item(void *list, size_t *count, const void *item, size_t size);

#endif
