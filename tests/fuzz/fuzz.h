/*
 * What a fuzzer is made of. It is a program, tests/fuzz/NAME.c, for what reads the words of others:
 * libFuzzer calls try_input() with one input after the other, made from those in
 * tests/fuzz/corpus/NAME/ and from what it has found out itself. ASan and UBSan see what is read
 * beyond its end; what has to hold besides is a HOLDS(). A new one is built and run by `make fuzz`
 * without another word; as with the unit tests, preload-NAME.c is linked with the library's
 * objects.
 *
 * What one of them has found becomes a unit test, tests/unit/NAME.c.
 */
#ifndef TFPRELOAD_FUZZ_H
#define TFPRELOAD_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_input(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_input(data, size);
    return 0;
}

/* A copy that ends where it ends, so that one byte more is seen. The caller frees. */
__attribute__((unused)) static void *copy_of(const void *data, size_t size)
{
    void *copy = malloc(size > 0 ? size : 1);

    HOLDS(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

/* The same with a NUL behind it. */
__attribute__((unused)) static char *text_of(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    HOLDS(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* An open file with this in it; the same one each time. */
__attribute__((unused)) static int file_of(const uint8_t *data, size_t size)
{
    static int file = -1;

    if (file == -1)
        file = memfd_create("input", MFD_CLOEXEC);
    HOLDS(file != -1 && ftruncate(file, 0) == 0);
    HOLDS(pwrite(file, data, size, 0) == (ssize_t)size);
    return file;
}

/*
 * For inputs whose layout is the compiler's: a small one is replaced by make_good(data, seed),
 * which writes `least` bytes of what is whole and right, and libFuzzer goes on from there.
 */
#define START_FROM(make_good, least)                                                               \
    size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);                              \
    size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);        \
    size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)         \
    {                                                                                              \
        if (size >= (least) || most < (least))                                                     \
            return LLVMFuzzerMutate(data, size, most);                                             \
        make_good(data, seed);                                                                     \
        return least;                                                                              \
    }

#endif
