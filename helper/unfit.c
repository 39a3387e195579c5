/*
 * What decides is in the file: a program without an interpreter of its own
 * (PT_INTERP, elf(5)) has no dynamic loader, and one that gains privileges makes
 * the loader ignore LD_PRELOAD (ld.so(8), secure-execution mode).
 */
#include "unfit.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "family.h"
#include "generation.h"
#include "log.h"
#include "procfile.h"
#include "settings.h"

static bool has_interpreter(int file, const ElfW(Ehdr) * header)
{
    for (int i = 0; i < header->e_phnum; i++) {
        ElfW(Phdr) segment;
        off_t at = (off_t)(header->e_phoff + (size_t)i * sizeof segment);

        if (pread(file, &segment, sizeof segment, at) != (ssize_t)sizeof segment)
            return true;
        if (segment.p_type == PT_INTERP)
            return true;
    }
    return false;
}

/* What the ELF header says; a script, or anything else that cannot be told, is not held against it.
 */
static const char *why_unfit_file(int file)
{
    const unsigned char own_class = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
    ElfW(Ehdr) header;

    if (pread(file, &header, sizeof header, 0) != (ssize_t)sizeof header ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return NULL;
    if (header.e_ident[EI_CLASS] != own_class)
        return "is of another word size than tfpreload";
    if (!has_interpreter(file, &header))
        return "is statically linked";
    return NULL;
}

const char *why_unfit(const char *path)
{
    struct stat status;
    const char *why;
    int file = open(path, O_RDONLY | O_CLOEXEC);

    if (file == -1)
        return NULL;
    if (fstat(file, &status) == 0 && status.st_mode & (S_ISUID | S_ISGID) &&
        (status.st_uid != geteuid() || status.st_mode & S_ISGID))
        why = "is set-user-ID or set-group-ID";
    else if (geteuid() != 0 && fgetxattr(file, "security.capability", NULL, 0) > 0)
        why = "has file capabilities";
    else
        why = why_unfit_file(file);
    close(file);
    return why;
}

static const char remedy[] = "so tfpreload is not loaded into it, and it cannot be upgraded";

/* Where execvpe(3) will find the command. */
static bool find_command(const char *name, char path[PATH_MAX])
{
    const char *directory = getenv("PATH");

    if (strchr(name, '/'))
        return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX;
    while (directory && *directory) {
        size_t length = strcspn(directory, ":");

        if (snprintf(path, PATH_MAX, "%.*s/%s", (int)length, directory, name) < PATH_MAX &&
            access(path, X_OK) == 0)
            return true;
        directory += length + (directory[length] == ':');
    }
    return false;
}

void warn_of_unfit_command(void)
{
    char path[PATH_MAX];
    const char *why = NULL;

    if (settings.file)
        why = why_unfit(settings.file);
    else if (find_command(settings.command[0], path))
        why = why_unfit(path);
    if (why)
        log_line(LEVEL_ERROR, "%s %s, %s", settings.file ? settings.file : path, why, remedy);
}

static bool has_loaded_library(pid_t pid)
{
    static char maps[512 * 1024];

    /* one that we may not read gets the benefit of the doubt */
    return read_proc_file(pid, "maps", maps, sizeof maps) <= 0 || strstr(maps, "libtfpreload");
}

void warn_of_unfit_members(const struct generation *generation)
{
    const struct family *family = look_at_family();

    for (size_t i = 0; i < family->count; i++) {
        pid_t pid = family->member[i].pid;
        char link[32];
        char path[PATH_MAX];
        const char *why;
        ssize_t length;

        if (family->member[i].generation != generation->number || has_loaded_library(pid))
            continue;
        snprintf(link, sizeof link, "/proc/%d/exe", pid);
        length = readlink(link, path, sizeof path - 1);
        path[length > 0 ? length : 0] = '\0';
        why = why_unfit(link);
        log_line(LEVEL_ERROR, "process %d, %s, %s, %s", pid, path,
                 why ? why : "was executed without LD_PRELOAD or is of another libc", remedy);
    }
}
