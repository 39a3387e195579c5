/* What an ELF file says of itself, as far as it decides whether a library can be preloaded. */
#ifndef TFHELPER_ELF_FILE_H
#define TFHELPER_ELF_FILE_H

#include <limits.h>
#include <stdbool.h>

enum elf_kind {
    NO_ELF,
    DAMAGED_ELF, /* it says it is one, and what it says cannot be */
    GOOD_ELF,
};

enum libc { LIBC_UNKNOWN, LIBC_GLIBC, LIBC_MUSL, LIBC_BIONIC };

/* elf(5) */
struct elf_facts {
    unsigned word;              /* ELFCLASS32 or ELFCLASS64 */
    unsigned order;             /* of its bytes: ELFDATA2LSB or ELFDATA2MSB */
    unsigned machine;           /* EM_X86_64, … */
    unsigned type;              /* ET_EXEC, ET_DYN, … */
    char interpreter[PATH_MAX]; /* the dynamic loader that it asks for, "" for none */
    enum libc libc;             /* that it is linked to */
    bool go;                    /* built by the Go compiler */
    bool io_uring;              /* liburing, or a function of it, is imported */
    bool accepts;               /* libc's accept() is imported */
    bool system_calls;          /* syscall(2) is */
    bool sockets;               /* bind(2), and a function that accepts, are */
    bool address_sanitizer;     /* its runtime is a library, and wants to come first */
    bool sanitizer_options;     /* the program has some of its own */
    bool thread_sanitizer;      /* its runtime is imported, or linked into the program */
};

/*
 * Read them from an open file, whatever is in it. The sections of a file that
 * has none, or not where it says, tell nothing; all else is DAMAGED_ELF.
 */
enum elf_kind read_elf(int file, struct elf_facts *facts);

/* "64-bit x86-64", in memory that the next call overwrites. */
const char *machine_text(const struct elf_facts *facts);

/* "glibc", "musl", … */
const char *libc_text(enum libc libc);

#endif
