#include "sanitizer.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "elf_file.h"
#include "find_program.h"
#include "helper/settings/settings.h"

bool insists_on_coming_first(void)
{
    char found[PATH_MAX];
    const char *path = settings.file;
    struct elf_facts facts;
    bool insists;
    int file;

    if (!path && find_program(settings.command[0], found))
        path = found;
    file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file == -1)
        return false;
    insists =
        read_elf(file, &facts) == GOOD_ELF && facts.address_sanitizer && facts.sanitizer_options;
    close(file);
    return insists;
}
