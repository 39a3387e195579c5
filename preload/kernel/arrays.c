/*
 * Memory comes from the kernel, and an array is mapped as large as the number of
 * its items demands: so that number is all that there is to know of it.
 */
#include "arrays.h"

#include "kernel.h"

enum { SMALLEST = 4096 };

static size_t mapped_size(size_t count, size_t item_size)
{
    size_t size = count > 0 ? SMALLEST : 0;

    while (size < count * item_size)
        size *= 2;
    return size;
}

void *room_for_one_more(void *array, size_t count, size_t item_size)
{
    size_t present = mapped_size(count, item_size);
    size_t wanted = mapped_size(count + 1, item_size);

    if (wanted == present)
        return array;
    return present == 0 ? kernel_map(wanted) : kernel_remap(array, present, wanted);
}

void free_array(void *array, size_t count, size_t item_size)
{
    if (count > 0)
        kernel_unmap(array, mapped_size(count, item_size));
}
