/* Arrays that grow where malloc() may not be called: in a signal handler. */
#ifndef TFPRELOAD_ARRAYS_H
#define TFPRELOAD_ARRAYS_H

#include <stddef.h>

/*
 * `array` has `count` items, and is NULL where that is 0. Returns it with room for
 * one more, perhaps moved; or NULL with errno set, and it is as before.
 * Async-signal-safe, as is the other.
 */
void *room_for_one_more(void *array, size_t count, size_t item_size);

/* Free an array of so many items. */
void free_array(void *array, size_t count, size_t item_size);

#endif
