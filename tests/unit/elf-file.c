/* ELF files, good and damaged ones: helper/check/elf_file.c. */
#include "helper/check/elf_file.h"

#include <elf.h>
#include <sys/stat.h>

#include "unit.h"

static struct elf_facts facts;

/* This program itself, which is a good one with everything in it. */
static char *program;
static size_t size;

static void load_program(void)
{
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct stat status = {0};

    REQUIRE(CHECK(file != -1 && fstat(file, &status) == 0 && status.st_size > 0));
    size = (size_t)status.st_size;
    program = malloc(size + 1);
    REQUIRE(CHECK(program != NULL));
    REQUIRE(CHECK_INT(read(file, program, size), (intmax_t)size));
    close(file);
}

static Elf64_Ehdr *header(void)
{
    return (Elf64_Ehdr *)(void *)program;
}

static Elf64_Phdr *segment(unsigned type)
{
    Elf64_Phdr *at = (Elf64_Phdr *)(void *)(program + header()->e_phoff);

    while (at->p_type != type)
        at++;
    return at;
}

static Elf64_Shdr *section(unsigned type)
{
    Elf64_Shdr *at = (Elf64_Shdr *)(void *)(program + header()->e_shoff);

    while (at->sh_type != type)
        at++;
    return at;
}

static enum elf_kind kind_of(const void *bytes, size_t count)
{
    int file = file_with_bytes(bytes, count);
    enum elf_kind kind = read_elf(file, &facts);

    close(file);
    return kind;
}

static enum elf_kind kind(void)
{
    return kind_of(program, size);
}

TEST("a program says what it is, what loads it, and what it needs")
{
    load_program();
    CHECK_INT(kind(), GOOD_ELF);
    CHECK_INT(facts.type, ET_DYN);
    CHECK_INT(facts.libc, LIBC_GLIBC);
    CHECK(strstr(facts.interpreter, "/ld") != NULL);
    CHECK(!facts.go && !facts.io_uring && !facts.sockets);
#ifdef __x86_64__
    CHECK_TEXT(machine_text(&facts), "64-bit x86-64");
#endif
}

TEST("other files are none")
{
    CHECK_INT(kind_of("", 0), NO_ELF);
    CHECK_INT(kind_of("\x7f"
                      "EL",
                      3),
              NO_ELF);
    CHECK_INT(kind_of("#!/bin/sh\n", 10), NO_ELF);
    CHECK_INT(read_elf(-1, &facts), NO_ELF);
}

TEST("a file that ends within its header")
{
    load_program();
    for (size_t end = SELFMAG; end < sizeof(Elf64_Ehdr); end++)
        CHECK_INT(kind_of(program, end), DAMAGED_ELF);
}

TEST("a class or an order of bytes that does not exist")
{
    load_program();
    program[EI_CLASS] = 3;
    CHECK_INT(kind(), DAMAGED_ELF);
    program[EI_CLASS] = ELFCLASS64;
    program[EI_DATA] = 0;
    CHECK_INT(kind(), DAMAGED_ELF);
}

TEST("segments that are not in the file, or of another size")
{
    load_program();
    header()->e_phoff = size;
    CHECK_INT(kind(), DAMAGED_ELF);
    header()->e_phoff = UINT64_MAX - 8; /* an end that overflows */
    CHECK_INT(kind(), DAMAGED_ELF);
    load_program();
    header()->e_phentsize = 1;
    CHECK_INT(kind(), DAMAGED_ELF);
    load_program();
    header()->e_phnum = 0xffff;
    CHECK(kind() != NO_ELF);
}

TEST("an interpreter that is not in the file, or does not end")
{
    load_program();
    segment(PT_INTERP)->p_offset = UINT64_MAX;
    CHECK_INT(kind(), DAMAGED_ELF);
    load_program();
    segment(PT_INTERP)->p_filesz--;
    CHECK_INT(kind(), DAMAGED_ELF);
    load_program();
    segment(PT_INTERP)->p_filesz = PATH_MAX + 1;
    CHECK_INT(kind(), DAMAGED_ELF);
    load_program();
    segment(PT_INTERP)->p_filesz = 0;
    CHECK_INT(kind(), DAMAGED_ELF);
}

TEST("a segment that is loaded from behind the end")
{
    load_program();
    segment(PT_LOAD)->p_filesz = UINT64_MAX;
    CHECK_INT(kind(), DAMAGED_ELF);
}

TEST("sections that are not where they are said to be tell nothing")
{
    load_program();
    header()->e_shoff = UINT64_MAX - 1;
    CHECK_INT(kind(), GOOD_ELF);
    load_program();
    header()->e_shentsize = 3;
    CHECK_INT(kind(), GOOD_ELF);
    load_program();
    header()->e_shstrndx = 0xfff0;
    CHECK_INT(kind(), GOOD_ELF);
    load_program();
    section(SHT_DYNSYM)->sh_link = 0xffffffff;
    section(SHT_DYNAMIC)->sh_offset = UINT64_MAX;
    CHECK_INT(kind(), GOOD_ELF);
    load_program();
    section(SHT_DYNSYM)->sh_size = 7; /* less than one entry */
    section(SHT_DYNAMIC)->sh_size = UINT64_MAX;
    CHECK_INT(kind(), GOOD_ELF);
}

TEST("names that lie behind their table are none")
{
    load_program();
    section(SHT_STRTAB)->sh_size = 0;
    CHECK_INT(kind(), GOOD_ELF);
}

TEST("wherever the file ends, it is read without harm")
{
    load_program();
    for (size_t end = 0; end < size; end += end < 4096 ? 7 : 4099)
        CHECK(kind_of(program, end) != NO_ELF || end < SELFMAG);
}

TEST("whatever a byte of header, segments or sections is, it is read without harm")
{
    static const char values[] = {0, 1, 0x7f, (char)0x80, (char)0xff};
    int file;

    load_program();
    file = file_with_bytes(program, size);
    for (size_t at = SELFMAG; at < sizeof(Elf64_Ehdr) + 13 * sizeof(Elf64_Phdr); at++)
        for (size_t i = 0; i < sizeof values; i++) {
            REQUIRE(CHECK_INT(pwrite(file, &values[i], 1, (off_t)at), 1));
            CHECK(read_elf(file, &facts) != NO_ELF);
            REQUIRE(CHECK_INT(pwrite(file, program + at, 1, (off_t)at), 1));
        }
    for (size_t at = header()->e_shoff; at < size; at++) {
        REQUIRE(CHECK_INT(pwrite(file, &values[at % sizeof values], 1, (off_t)at), 1));
        CHECK_INT(read_elf(file, &facts), GOOD_ELF);
        REQUIRE(CHECK_INT(pwrite(file, program + at, 1, (off_t)at), 1));
    }
}
