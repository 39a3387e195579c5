/*
 * A file may hold anything: each offset and size is compared with the size of
 * the file before anything is read there. Numbers are read byte by byte, in the
 * order and width of the file's own machine.
 */
#include "elf_file.h"

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct elf {
    int file;
    uint64_t size;
    bool wide;
    bool big_endian;
};

/* The largest part of a file that is read at once: symbols of the largest programs are a tenth. */
static const uint64_t most_bytes = UINT64_C(64) << 20;

struct section {
    uint64_t name;
    uint64_t type;
    uint64_t offset;
    uint64_t size;
    uint64_t link;
};

struct sections {
    struct section *section;
    size_t count;
};

static uint64_t number(const struct elf *elf, const char *at, size_t width)
{
    uint64_t value = 0;

    for (size_t i = 0; i < width; i++)
        value = value << 8 | (unsigned char)at[elf->big_endian ? i : width - 1 - i];
    return value;
}

/* A field of the structure at `at`, which has the layout of Elf32_TYPE or Elf64_TYPE. */
#define FIELD(elf, at, type, field)                                                                \
    number(elf,                                                                                    \
           (at) + ((elf)->wide ? offsetof(Elf64_##type, field) : offsetof(Elf32_##type, field)),   \
           (elf)->wide ? sizeof((Elf64_##type *)0)->field : sizeof((Elf32_##type *)0)->field)

#define SIZE(elf, type) ((elf)->wide ? sizeof(Elf64_##type) : sizeof(Elf32_##type))

/* Part of the file, with a NUL behind it, in memory that the caller frees; NULL if it is not there.
 */
static char *read_part(const struct elf *elf, uint64_t offset, uint64_t size)
{
    char *part;

    if (offset > elf->size || size > elf->size - offset || size > most_bytes)
        return NULL;
    part = malloc(size + 1);
    if (part && pread(elf->file, part, size, (off_t)offset) != (ssize_t)size) {
        free(part);
        return NULL;
    }
    if (part)
        part[size] = '\0';
    return part;
}

static char *read_section(const struct elf *elf, const struct section *section)
{
    return section->type == SHT_NOBITS ? NULL : read_part(elf, section->offset, section->size);
}

/* ---- segments: what the kernel goes by ---- */

static bool has_go_note(const struct elf *elf, uint64_t offset, uint64_t size)
{
    /* namesz, descsz, type, name: the linker of Go writes its build's name under this one */
    enum { GO_BUILD = 4, NOTE = 16 };
    char *note = size < NOTE ? NULL : read_part(elf, offset, NOTE);
    bool found = note && number(elf, note, 4) == 4 && number(elf, note + 8, 4) == GO_BUILD &&
                 memcmp(note + 12, "Go\0", 4) == 0;

    free(note);
    return found;
}

static bool read_interpreter(const struct elf *elf, uint64_t offset, uint64_t size, char *path)
{
    /* execve() asks the same of it */
    char *text = size < 2 || size > PATH_MAX ? NULL : read_part(elf, offset, size);
    bool good = text && text[size - 1] == '\0';

    if (good)
        memcpy(path, text, strlen(text) + 1);
    free(text);
    return good;
}

static bool read_segment(const struct elf *elf, const char *segment, struct elf_facts *facts)
{
    uint64_t offset = FIELD(elf, segment, Phdr, p_offset);
    uint64_t size = FIELD(elf, segment, Phdr, p_filesz);

    switch (FIELD(elf, segment, Phdr, p_type)) {
    case PT_INTERP:
        return read_interpreter(elf, offset, size, facts->interpreter);
    case PT_NOTE:
        facts->go |= has_go_note(elf, offset, size);
        return true;
    case PT_LOAD:
        return offset <= elf->size && size <= elf->size - offset;
    default:
        return true;
    }
}

static bool read_segments(const struct elf *elf, const char *header, struct elf_facts *facts)
{
    uint64_t count = FIELD(elf, header, Ehdr, e_phnum);
    size_t size = SIZE(elf, Phdr);
    char *segments;
    bool good;

    if (count > 0 && FIELD(elf, header, Ehdr, e_phentsize) != size)
        return false;
    segments = read_part(elf, FIELD(elf, header, Ehdr, e_phoff), count * size);
    good = segments != NULL;
    for (uint64_t i = 0; good && i < count; i++)
        good = read_segment(elf, segments + i * size, facts);
    free(segments);
    return good;
}

/* ---- sections: what tools go by; strip(1) leaves those that we look at ---- */

static struct sections read_sections(const struct elf *elf, const char *header)
{
    uint64_t count = FIELD(elf, header, Ehdr, e_shnum);
    size_t size = SIZE(elf, Shdr);
    struct sections sections = {NULL, 0};
    char *text = NULL;

    if (count > 0 && FIELD(elf, header, Ehdr, e_shentsize) == size)
        text = read_part(elf, FIELD(elf, header, Ehdr, e_shoff), count * size);
    if (text)
        sections.section = calloc(count, sizeof *sections.section);
    for (; sections.section && sections.count < count; sections.count++) {
        const char *at = text + sections.count * size;

        sections.section[sections.count] = (struct section){
            .name = FIELD(elf, at, Shdr, sh_name),
            .type = FIELD(elf, at, Shdr, sh_type),
            .offset = FIELD(elf, at, Shdr, sh_offset),
            .size = FIELD(elf, at, Shdr, sh_size),
            .link = FIELD(elf, at, Shdr, sh_link),
        };
    }
    free(text);
    return sections;
}

static enum libc libc_of_library(const char *name)
{
    if (strncmp(name, "libc.so.6", 9) == 0)
        return LIBC_GLIBC;
    if (strncmp(name, "libc.musl-", 10) == 0 || strcmp(name, "libc.so") == 0)
        return LIBC_MUSL;
    return LIBC_UNKNOWN;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static enum libc libc_of_interpreter(const char *path)
{
    const char *name = base_name(path);

    if (strncmp(name, "ld-musl", 7) == 0)
        return LIBC_MUSL;
    if (strncmp(name, "linker", 6) == 0)
        return LIBC_BIONIC;
    if (strncmp(name, "ld-linux", 8) == 0 || strcmp(name, "ld.so.1") == 0 ||
        strcmp(name, "ld64.so.1") == 0 || strcmp(name, "ld64.so.2") == 0)
        return LIBC_GLIBC;
    return LIBC_UNKNOWN;
}

static void note_library(const char *name, struct elf_facts *facts)
{
    enum libc libc = libc_of_library(name);

    if (facts->libc == LIBC_UNKNOWN)
        facts->libc = libc;
    facts->io_uring |= strncmp(name, "liburing", 8) == 0;
    /* gcc's and clang's */
    facts->address_sanitizer |=
        strncmp(name, "libasan.", 8) == 0 || strncmp(name, "libclang_rt.asan", 16) == 0;
}

/* What the entries of a table name, in the section of strings that belongs to it. */
static void read_table(const struct elf *elf, const struct sections *sections,
                       const struct section *table, struct elf_facts *facts,
                       void (*visit)(const struct elf *elf, const char *table, size_t size,
                                     const char *strings, size_t length, struct elf_facts *facts))
{
    const struct section *linked =
        table && table->link < sections->count ? &sections->section[table->link] : NULL;
    char *entries = linked ? read_section(elf, table) : NULL;
    char *strings = linked ? read_section(elf, linked) : NULL;

    if (entries && strings)
        visit(elf, entries, table->size, strings, linked->size, facts);
    free(entries);
    free(strings);
}

static void visit_needed(const struct elf *elf, const char *table, size_t size, const char *strings,
                         size_t length, struct elf_facts *facts)
{
    const size_t entry = SIZE(elf, Dyn);

    for (const char *at = table; size >= entry; at += entry, size -= entry) {
        uint64_t name = FIELD(elf, at, Dyn, d_un);

        if (FIELD(elf, at, Dyn, d_tag) == DT_NEEDED && name < length)
            note_library(strings + name, facts);
    }
}

static void visit_symbols(const struct elf *elf, const char *table, size_t size,
                          const char *strings, size_t length, struct elf_facts *facts)
{
    const size_t entry = SIZE(elf, Sym);
    bool binds = false;
    bool receives = false;

    for (const char *at = table; size >= entry; at += entry, size -= entry) {
        uint64_t offset = FIELD(elf, at, Sym, st_name);
        const char *name = offset < length ? strings + offset : "";

        facts->thread_sanitizer |= strcmp(name, "__tsan_init") == 0;
        if (FIELD(elf, at, Sym, st_shndx) != SHN_UNDEF) {
            facts->sanitizer_options |= strcmp(name, "__asan_default_options") == 0;
            continue;
        }
        facts->system_calls |= strcmp(name, "syscall") == 0;
        facts->io_uring |= strncmp(name, "io_uring_", 9) == 0;
        binds |= strcmp(name, "bind") == 0;
        facts->accepts |= strcmp(name, "accept") == 0 || strcmp(name, "accept4") == 0;
        receives |= strncmp(name, "recv", 4) == 0;
    }
    facts->sockets |= binds && (facts->accepts || receives);
}

/* The first section of this type: a program has one of each that we look for. */
static const struct section *find_section(const struct sections *sections, uint64_t type)
{
    for (size_t i = 0; i < sections->count; i++)
        if (sections->section[i].type == type)
            return &sections->section[i];
    return NULL;
}

static bool has_section(const struct elf *elf, const struct sections *sections, uint64_t strings,
                        const char *wanted)
{
    const struct section *linked = strings < sections->count ? &sections->section[strings] : NULL;
    char *names = linked ? read_section(elf, linked) : NULL;
    bool found = false;

    for (size_t i = 0; names && i < sections->count; i++) {
        uint64_t name = sections->section[i].name;

        found |= name < linked->size && strcmp(names + name, wanted) == 0;
    }
    free(names);
    return found;
}

static void visit_sections(const struct elf *elf, const char *header, struct elf_facts *facts)
{
    struct sections sections = read_sections(elf, header);

    facts->go |= has_section(elf, &sections, FIELD(elf, header, Ehdr, e_shstrndx), ".go.buildinfo");
    read_table(elf, &sections, find_section(&sections, SHT_DYNAMIC), facts, visit_needed);
    read_table(elf, &sections, find_section(&sections, SHT_DYNSYM), facts, visit_symbols);
    free(sections.section);
}

/* ---- the whole ---- */

enum elf_kind read_elf(int file, struct elf_facts *facts)
{
    struct elf elf = {.file = file};
    char header[sizeof(Elf64_Ehdr)] = "";
    struct stat status;

    memset(facts, 0, sizeof *facts);
    if (fstat(file, &status) == -1 || pread(file, header, sizeof header, 0) < SELFMAG ||
        memcmp(header, ELFMAG, SELFMAG) != 0)
        return NO_ELF;
    facts->word = (unsigned char)header[EI_CLASS];
    facts->order = (unsigned char)header[EI_DATA];
    elf.size = (uint64_t)status.st_size;
    elf.wide = facts->word == ELFCLASS64;
    elf.big_endian = facts->order == ELFDATA2MSB;
    if (elf.size < SIZE(&elf, Ehdr) || (facts->word != ELFCLASS32 && !elf.wide) ||
        (facts->order != ELFDATA2LSB && !elf.big_endian) || !read_segments(&elf, header, facts))
        return DAMAGED_ELF;
    facts->machine = (unsigned)FIELD(&elf, header, Ehdr, e_machine);
    facts->type = (unsigned)FIELD(&elf, header, Ehdr, e_type);
    facts->libc = libc_of_interpreter(facts->interpreter);
    visit_sections(&elf, header, facts);
    return GOOD_ELF;
}

/* Younger than some libc. */
#ifndef EM_LOONGARCH
#define EM_LOONGARCH 258
#endif

const char *machine_text(const struct elf_facts *facts)
{
    static const struct {
        unsigned machine;
        const char *name;
    } machines[] = {
        {EM_386, "x86"},       {EM_X86_64, "x86-64"},
        {EM_ARM, "ARM"},       {EM_AARCH64, "ARM"},
        {EM_RISCV, "RISC-V"},  {EM_PPC, "PowerPC"},
        {EM_PPC64, "PowerPC"}, {EM_MIPS, "MIPS"},
        {EM_S390, "S/390"},    {EM_LOONGARCH, "LoongArch"},
    };
    static char text[64];
    const char *word = facts->word == ELFCLASS64 ? "64-bit" : "32-bit";

    snprintf(text, sizeof text, "%s, machine %u", word, facts->machine);
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++)
        if (machines[i].machine == facts->machine)
            snprintf(text, sizeof text, "%s %s%s", word, machines[i].name,
                     facts->order == ELFDATA2MSB ? ", big-endian" : "");
    return text;
}

const char *libc_text(enum libc libc)
{
    static const char *const names[] = {
        [LIBC_UNKNOWN] = "a libc that tfpreload does not know",
        [LIBC_GLIBC] = "glibc",
        [LIBC_MUSL] = "musl",
        [LIBC_BIONIC] = "bionic",
    };

    return names[libc];
}
