/*
 * From a command to what the kernel will execute in the end, through scripts
 * and env(1), and what speaks against a preloaded library there.
 */
#include "fitness.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf_file.h"
#include "find_program.h"
#include "helper/kernel/filter.h"
#include "privileges.h"
#include "script.h"
#include "stateful.h"
#include "way.h"

/* execve(2) follows so many from one to the next; more is a circle. */
enum { MOST_SCRIPTS = 5 };

struct judgement {
    enum verdict verdict; /* the worst yet */
    FILE *findings;
    const char *library;
};

static void judge_command(struct judgement *judgement, const char *command, int scripts);

__attribute__((format(printf, 3, 4))) static void
find(struct judgement *judgement, enum verdict verdict, const char *format, ...)
{
    va_list arguments;

    if (verdict > judgement->verdict)
        judgement->verdict = verdict;
    va_start(arguments, format);
    vfprintf(judgement->findings, format, arguments);
    va_end(arguments);
    fputc('\n', judgement->findings);
}

/* ---- an ELF program ---- */

static void judge_privileges(struct judgement *judgement, const char *path, int file)
{
    switch (find_privileges(file)) {
    case SET_ID:
        find(judgement, UNFIT,
             "%s is set-user-ID or set-group-ID, so the dynamic loader ignores LD_PRELOAD: run "
             "tfhelper as the user that it becomes, with a copy that is not (chmod ug-s)",
             path);
        break;
    case CAPABILITIES:
        find(judgement, UNFIT,
             "%s has file capabilities, so the dynamic loader ignores LD_PRELOAD: give them to "
             "tfhelper instead (AmbientCapabilities= of systemd, setpriv --ambient-caps), and "
             "take them from the file (setcap -r)",
             path);
        break;
    case NO_PRIVILEGES:
        break;
    }
}

static void judge_library(struct judgement *judgement, const char *path,
                          const struct elf_facts *program)
{
    struct elf_facts library;
    char machine[64];
    int file = judgement->library ? open(judgement->library, O_RDONLY | O_CLOEXEC) : -1;
    enum elf_kind kind = file == -1 ? NO_ELF : read_elf(file, &library);

    if (file != -1)
        close(file);
    snprintf(machine, sizeof machine, "%s", machine_text(program));
    if (!judgement->library)
        find(judgement, UNFIT,
             "libtfpreload.so is not beside tfhelper: install it there, or name it with --library");
    else if (kind != GOOD_ELF)
        find(judgement, UNFIT, "%s is no library: install it again, or name one with --library",
             judgement->library);
    else if (program->word != library.word || program->order != library.order ||
             program->machine != library.machine || program->libc != library.libc)
        find(judgement, UNFIT,
             "%s is a program for %s and %s, but %s is for %s and %s: install tfpreload built for "
             "the program's",
             path, machine, libc_text(program->libc), judgement->library, machine_text(&library),
             libc_text(library.libc));
    else
        find(judgement, FIT, "%s is a dynamic program for %s and %s: %s fits", path, machine,
             libc_text(program->libc), judgement->library);
}

static void judge_imports(struct judgement *judgement, const char *path,
                          const struct elf_facts *program)
{
    if (program->io_uring)
        find(judgement, DOUBTFUL,
             "%s imports io_uring, and accept() too: if it accepts by io_uring, start it with "
             "--way trace",
             path);
    if (program->system_calls && program->sockets)
        find(judgement, FIT,
             "%s imports syscall() too, as many do; it has libc's bind() and accept() for its "
             "sockets: nothing to do",
             path);
    else if (program->system_calls)
        find(judgement, DOUBTFUL,
             "%s imports syscall(), and not both bind() and accept(): if it makes those calls "
             "itself, tfpreload cannot see them; try it, and look for 'does not wait for clients' "
             "in the log",
             path);
}

static void judge_sanitizers(struct judgement *judgement, const char *path,
                             const struct elf_facts *program)
{
    if (program->address_sanitizer && program->sanitizer_options)
        find(judgement, DOUBTFUL,
             "%s has options of its own for AddressSanitizer, whose runtime then refuses to come "
             "second: have tfhelper start it, or set ASAN_OPTIONS=verify_asan_link_order=0",
             path);
    else if (program->address_sanitizer)
        find(judgement, FIT,
             "%s is built with AddressSanitizer, whose runtime wants to come first; the library "
             "tells it that it may come second: nothing to do",
             path);
    if (program->thread_sanitizer)
        find(judgement, DOUBTFUL,
             "%s is built with ThreadSanitizer, which holds signals back from a thread that waits "
             "in accept(): try it, and look for 'did not hand over its listeners' in the log",
             path);
}

/* No library can go there: can it be watched instead? */
static void judge_watching(struct judgement *judgement, const char *path, const char *why)
{
    int error = try_filter();

    if (error != 0)
        find(judgement, UNFIT,
             "%s %s, so nothing can be preloaded, and it cannot be watched from outside: %s", path,
             why, filter_error_text(error));
    else
        find(judgement, FIT,
             "%s %s, so nothing is preloaded: it is watched from outside, by seccomp(2) and "
             "ptrace(2)",
             path, why);
    if (error == 0 && geteuid() != 0)
        find(judgement, FIT,
             "%s will run with no_new_privs, unless tfhelper has CAP_SYS_ADMIN: nothing that it "
             "starts can gain privileges",
             path);
}

static void judge_linking(struct judgement *judgement, const char *path,
                          const struct elf_facts *program)
{
    if (program->go)
        find(judgement, UNFIT,
             "%s is a Go program%s, whose system calls do not go through libc: use an upgrade of "
             "its own, or build it with a package such as tableflip",
             path, program->interpreter[0] ? "" : ", statically linked");
    else if (program->interpreter[0] == '\0')
        find(judgement, UNFIT,
             "%s is statically linked, so nothing can be preloaded: use a dynamic build of it",
             path);
}

static void judge_loader(struct judgement *judgement, const char *path,
                         const struct elf_facts *program)
{
    if (program->interpreter[0] != '\0' && access(program->interpreter, X_OK) == -1)
        find(judgement, NOT_EXECUTABLE,
             "%s needs the dynamic loader %s, which is not there: install the libc that it "
             "belongs to",
             path, program->interpreter);
}

static void judge_elf(struct judgement *judgement, const char *path, int file,
                      const struct elf_facts *program)
{
    const char *why;

    if (program->type != ET_EXEC && program->type != ET_DYN) {
        find(judgement, NOT_EXECUTABLE, "%s is an ELF file, but no program: name the program",
             path);
        return;
    }
    judge_loader(judgement, path, program);
    if (what_it_keeps(path))
        find(judgement, FIT, "%s %s", path, what_it_keeps(path));
    why = why_traced(path);
    if (why) {
        judge_watching(judgement, path, why);
        return;
    }
    judge_privileges(judgement, path, file);
    judge_linking(judgement, path, program);
    if (program->interpreter[0] != '\0' && !program->go) {
        judge_library(judgement, path, program);
        judge_imports(judgement, path, program);
        judge_sanitizers(judgement, path, program);
    }
}

/* ---- a script ---- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static void find_shell(struct judgement *judgement, const char *path, const char *interpreter)
{
    static const char *const shells[] = {"sh", "dash", "bash", "ash", "ksh", "zsh"};

    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (strcmp(base_name(interpreter), shells[i]) == 0)
            find(judgement, FIT, "%s is a shell script: check the server that it starts, too",
                 path);
}

static void judge_env(struct judgement *judgement, const char *path, const char *argument,
                      int scripts)
{
    char command[SCRIPT_LINE];
    bool empties;
    bool known = read_env_argument(argument, command, &empties);

    if (empties)
        find(judgement, UNFIT,
             "%s has env empty the environment, and LD_PRELOAD with it: take -i from its #! line",
             path);
    if (!known) {
        find(judgement, DOUBTFUL,
             "%s does not say in its #! line what env is to run: check that program", path);
        return;
    }
    find(judgement, FIT, "%s is a script: env looks for %s in PATH", path, command);
    find_shell(judgement, path, command);
    judge_command(judgement, command, scripts);
}

static void judge_script(struct judgement *judgement, const char *path, const struct script *script,
                         int scripts)
{
    if (scripts >= MOST_SCRIPTS)
        find(judgement, NOT_EXECUTABLE,
             "%s is one script too many: #! lines lead in a circle, mend one of them", path);
    else if (script->interpreter[0] == '\0')
        find(judgement, NOT_EXECUTABLE, "%s has a #! line without an interpreter: name one", path);
    else if (strcmp(base_name(script->interpreter), "env") == 0)
        judge_env(judgement, path, script->argument, scripts + 1);
    else {
        find(judgement, FIT, "%s is a script of %s", path, script->interpreter);
        find_shell(judgement, path, script->interpreter);
        judge_command(judgement, script->interpreter, scripts + 1);
    }
}

/* ---- any file ---- */

static void judge_content(struct judgement *judgement, const char *path, int file, int scripts)
{
    struct elf_facts facts;
    struct script script;

    switch (read_elf(file, &facts)) {
    case GOOD_ELF:
        judge_elf(judgement, path, file, &facts);
        break;
    case DAMAGED_ELF:
        find(judgement, NOT_EXECUTABLE, "%s is damaged or cut off: install it again", path);
        break;
    case NO_ELF:
        if (read_script(file, &script))
            judge_script(judgement, path, &script, scripts);
        else
            find(judgement, NOT_EXECUTABLE,
                 "%s is neither an ELF program nor a script: a script needs a #! line", path);
        break;
    }
}

static void judge_file(struct judgement *judgement, const char *path, int scripts)
{
    struct stat status;
    int file;

    if (stat(path, &status) == -1) {
        bool missing = errno == ENOENT || errno == ENOTDIR;

        find(judgement, missing ? NOT_FOUND : NOT_EXECUTABLE, "%s: %s; expected a program", path,
             strerror(errno));
    } else if (!S_ISREG(status.st_mode)) {
        find(judgement, NOT_EXECUTABLE, "%s is %s: name a program", path,
             S_ISDIR(status.st_mode) ? "a directory" : "no regular file");
    } else if (access(path, X_OK) == -1) {
        find(judgement, NOT_EXECUTABLE, "%s may not be executed: %s; chmod +x may be missing", path,
             strerror(errno));
    } else if ((file = open(path, O_RDONLY | O_CLOEXEC)) == -1) {
        find(judgement, DOUBTFUL, "%s cannot be read: %s; check it as root", path, strerror(errno));
    } else {
        judge_content(judgement, path, file, scripts);
        close(file);
    }
}

static void judge_command(struct judgement *judgement, const char *command, int scripts)
{
    char path[PATH_MAX];

    if (find_program(command, path))
        judge_file(judgement, path, scripts);
    else
        find(judgement, NOT_FOUND, "%s is not in PATH: install it, or give its path", command);
}

enum verdict judge_program(const char *command, const char *library, FILE *findings)
{
    struct judgement judgement = {.findings = findings, .library = library};

    judge_command(&judgement, command, 0);
    return judgement.verdict;
}
