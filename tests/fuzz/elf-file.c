/* Programs that `tfhelper check` looks at: helper/check/elf_file.c. */
#include "helper/check/elf_file.h"

#include "fuzz.h"

static void try_input(const uint8_t *data, size_t size)
{
    struct elf_facts facts;

    if (read_elf(file_of(data, size), &facts) == NO_ELF)
        return;
    HOLDS(memchr(facts.interpreter, '\0', sizeof facts.interpreter));
    (void)machine_text(&facts);
    (void)libc_text(facts.libc);
}
