/*
 * Each wait with a timeout asks for the time, in case an order interrupts it. A
 * system call would double the price of a poll() that has something to report,
 * and in a sandbox it may be one that the filter does not know. libc's
 * clock_gettime() makes none, but may be another preload's (libfaketime); what
 * it calls itself is in the vDSO, a library that the kernel maps: vdso(7). So that is
 * looked up here, as the loader would. Without it everything works, and each wait with
 * a timeout makes one system call more: "a server that is ready makes no system calls
 * for the time" in tests/calls.bats fails.
 */
#include "clock.h"

#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>

#include "kernel.h"

typedef int clock_function(clockid_t, struct timespec *);

static clock_function *vdso_clock; /* NULL: by a system call */

int64_t nanoseconds_now(void)
{
    struct timespec now;

    if (vdso_clock)
        vdso_clock(CLOCK_MONOTONIC, &now);
    else
        kernel_clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A 32-bit vDSO has two clocks, and PowerPC's functions are not called as C has it. */
#if __SIZEOF_POINTER__ == 8 && !defined __powerpc__

/* The image has addresses of its own; `base` is what to add to them. */
struct vdso {
    uintptr_t base;
    const ElfW(Sym) * symbols;
    const char *names;
    const uint32_t *hash; /* elf(5): the second word is the number of symbols */
};

static bool is_clock(const char *name)
{
    return strcmp(name, "__vdso_clock_gettime") == 0 || strcmp(name, "__kernel_clock_gettime") == 0;
}

static struct vdso read_vdso(const ElfW(Ehdr) * image)
{
    const ElfW(Phdr) *header = (const void *)((const char *)image + image->e_phoff);
    const ElfW(Dyn) *entry = NULL;
    struct vdso vdso = {0};

    for (int i = 0; i < image->e_phnum; i++) {
        if (header[i].p_type == PT_LOAD)
            vdso.base = (uintptr_t)image + header[i].p_offset - header[i].p_vaddr;
        else if (header[i].p_type == PT_DYNAMIC)
            entry = (const void *)((const char *)image + header[i].p_offset);
    }
    for (; entry && entry->d_tag != DT_NULL; entry++) {
        const void *at = (const void *)(vdso.base + entry->d_un.d_ptr); // NOLINT

        if (entry->d_tag == DT_SYMTAB)
            vdso.symbols = at;
        else if (entry->d_tag == DT_STRTAB)
            vdso.names = at;
        else if (entry->d_tag == DT_HASH)
            vdso.hash = at;
    }
    return vdso;
}

void find_vdso_clock(void)
{
    const ElfW(Ehdr) *image = (const void *)getauxval(AT_SYSINFO_EHDR); // NOLINT
    struct vdso vdso = {0};

    if (image)
        vdso = read_vdso(image);
    if (!vdso.symbols || !vdso.names || !vdso.hash)
        return;
    for (uint32_t i = 0; i < vdso.hash[1]; i++) {
        const ElfW(Sym) *symbol = &vdso.symbols[i];

        if (symbol->st_shndx != SHN_UNDEF && is_clock(vdso.names + symbol->st_name))
            vdso_clock = (clock_function *)(vdso.base + symbol->st_value); // NOLINT
    }
}

#else

void find_vdso_clock(void)
{
}

#endif
