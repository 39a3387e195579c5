/*
 * What decides is in the file: a program without an interpreter (PT_INTERP,
 * elf(5)) has no dynamic loader, one with another interpreter than ours has
 * another libc, and one that gains privileges makes the loader ignore LD_PRELOAD
 * (ld.so(8), secure-execution mode).
 */
#include "unfit.h"

#include <elf.h>
#include <errno.h>
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

static const char another_libc[] = "is of another libc than tfpreload";

static bool read_header(int file, ElfW(Ehdr) * header)
{
    return pread(file, header, sizeof *header, 0) == (ssize_t)sizeof *header &&
           memcmp(header->e_ident, ELFMAG, SELFMAG) == 0;
}

/*
 * Read the path of the dynamic loader that the file asks for: "" if it asks for
 * none. False where that cannot be told.
 */
static bool read_interpreter(int file, const ElfW(Ehdr) * header, char path[PATH_MAX])
{
    path[0] = '\0';
    for (int i = 0; i < header->e_phnum; i++) {
        ElfW(Phdr) segment;
        off_t at = (off_t)(header->e_phoff + (size_t)i * sizeof segment);

        if (pread(file, &segment, sizeof segment, at) != (ssize_t)sizeof segment)
            return false;
        if (segment.p_type != PT_INTERP)
            continue;
        if (segment.p_filesz == 0 || segment.p_filesz > PATH_MAX ||
            pread(file, path, segment.p_filesz, (off_t)segment.p_offset) !=
                (ssize_t)segment.p_filesz)
            return false;
        path[segment.p_filesz - 1] = '\0';
    }
    return true;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Our own is the libc that the library was built for, too. */
static bool is_own_interpreter(const char *path)
{
    char own[PATH_MAX];
    ElfW(Ehdr) header;
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    bool known = file != -1 && read_header(file, &header) && read_interpreter(file, &header, own) &&
                 own[0] != '\0';

    if (file != -1)
        close(file);
    return !known || strcmp(base_name(path), base_name(own)) == 0;
}

/* What the ELF header says; a script, or anything else that cannot be told, is not held against it.
 */
static const char *why_unfit_file(int file)
{
    const unsigned char own_class = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
    char interpreter[PATH_MAX];
    ElfW(Ehdr) header;

    if (!read_header(file, &header))
        return NULL;
    if (header.e_ident[EI_CLASS] != own_class)
        return "is of another word size than tfpreload";
    if (!read_interpreter(file, &header, interpreter))
        return NULL;
    if (interpreter[0] == '\0')
        return "is statically linked";
    return is_own_interpreter(interpreter) ? NULL : another_libc;
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

/*
 * Why this process has not got the library, or NULL; the program's name into
 * `name`. Whoever gains privileges by execve() may not be looked into any more:
 * ptrace(2), dumpable.
 */
static const char *why_unfit_process(pid_t pid, char name[PATH_MAX])
{
    char link[32];
    const char *why;
    ssize_t length;

    snprintf(link, sizeof link, "/proc/%d/exe", pid);
    length = readlink(link, name, PATH_MAX - 1);
    if (length == -1 && errno == EACCES && geteuid() != 0) {
        length = read_proc_file(pid, "comm", name, PATH_MAX);
        name[length > 0 ? length - 1 : 0] = '\0';
        return "has gained privileges";
    }
    name[length > 0 ? length : 0] = '\0';
    why = why_unfit(link);
    if (why != another_libc && has_loaded_library(pid)) /* of another libc, it is idle */
        return NULL;
    return why ? why : "was executed without LD_PRELOAD";
}

void warn_of_unfit_members(const struct generation *generation)
{
    const struct family *family = look_at_family();

    for (size_t i = 0; i < family->count; i++) {
        pid_t pid = family->member[i].pid;
        char name[PATH_MAX];
        const char *why = NULL;

        if (family->member[i].generation == generation->number)
            why = why_unfit_process(pid, name);
        if (why)
            log_line(LEVEL_ERROR, "process %d, %s, %s, %s", pid, name, why, remedy);
    }
}
