/*
 * tfhelper adopt: become the parent of a server whose predecessor runs already, without us. What
 * could keep it from that is looked for first: then one line says so, and nothing is changed.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "begin_service.h"
#include "commands.h"
#include "find_service.h"
#include "helper/base/usage.h"
#include "helper/check/elf_file.h"
#include "helper/kernel/procfile.h"
#include "helper/lifecycle/running_one.h"
#include "helper/processes/read_member.h"
#include "helper/service/loop.h"
#include "helper/settings/settings.h"
#include "helper/trace/injection.h"

static void print_help(void)
{
    printf(
        "usage: tfhelper adopt [OPTION]... PID [--] COMMAND [ARGUMENT]...\n"
        "Run COMMAND in the place of a server that runs already, and was started without\n"
        "tfpreload: COMMAND inherits its listeners, and when it is ready, the running one accepts\n"
        "no more, finishes its connections and is told to stop. From then on tfhelper is the\n"
        "service, as with run. If COMMAND fails, the running one serves on as if nothing had\n"
        "been.\n\n"
        "PID is that of the server's first process, or the path of its pidfile. Whatever has\n"
        "started that one sees it end: a service manager has to be told not to start it again.\n\n"
        "Options:\n");
    print_common_options();
    printf("\nExit status: that of COMMAND, or its signal; 1 if it did not come to pass, and the\n"
           "running one serves on, 2 for a wrong option, 3 if there is no process PID.\n");
}

/*
 * The words behind the options are PID, perhaps "--", and the command. `arguments` are what we are
 * executed again with when tfpreload itself is upgraded: by then it is a service like any other.
 */
static const char *take_pid(char **arguments)
{
    static char run[] = "run";
    static char end_of_options[] = "--";
    char **words = settings.command;
    char **to = words - 1 > arguments && strcmp(words[-1], "--") == 0 ? words - 1 : words;
    const char *pid = words[0];
    size_t count = 0;

    words += words[1] && strcmp(words[1], "--") == 0 ? 2 : 1;
    if (!words[0])
        usage_error("adopt takes a PID, and a command to run behind it");
    while (words[count])
        count++;
    arguments[0] = run;
    *to++ = end_of_options;
    memmove(to, words, (count + 1) * sizeof *to); /* with the NULL */
    settings.command = to;
    return pid;
}

static void refuse_ancestor(pid_t pid)
{
    if (pid == 1)
        end_with_error(EXIT_REFUSED,
                       "process 1 takes everybody along when it ends, and us as well");
    for (pid_t above = getpid(); above > 0; above = parent_of(above))
        if (above == pid)
            end_with_error(EXIT_REFUSED,
                           "process %d is above this tfhelper, and no server beside it", pid);
}

static void refuse_service(pid_t pid)
{
    struct service service;

    if (find_service(pid, &service) == FOUND)
        end_with_error(EXIT_REFUSED,
                       "process %d runs under tfpreload already: tfhelper upgrade %d is what it "
                       "takes",
                       pid, pid);
}

/* namespaces(7): whoever may not look into the process does not learn more than that. */
static void require_network_of(pid_t pid)
{
    char path[32];
    struct stat own;
    struct stat other;

    snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
    if (stat(path, &other) == -1 || stat("/proc/self/ns/net", &own) == -1)
        return;
    if (own.st_ino != other.st_ino || own.st_dev != other.st_dev)
        end_with_error(EXIT_REFUSED,
                       "process %d is in another network namespace: run tfhelper there, as by "
                       "nsenter -n -t %d",
                       pid, pid);
}

static bool read_facts(const char *path, struct elf_facts *facts)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    bool known = file != -1 && read_elf(file, facts) == GOOD_ELF;

    if (file != -1)
        close(file);
    return known;
}

/* Its system calls are made with the registers of our own architecture. */
static void require_architecture_of(pid_t pid)
{
    char path[32];
    struct elf_facts own;
    struct elf_facts other;

    if (!can_inject())
        end_with_error(EXIT_REFUSED, "adopt is for x86-64 and aarch64");
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    if (read_facts("/proc/self/exe", &own) && read_facts(path, &other) &&
        (own.word != other.word || own.machine != other.machine))
        end_with_error(EXIT_REFUSED, "process %d is a program for %s, which tfhelper is not", pid,
                       machine_text(&other));
}

static pid_t require_process(const char *text)
{
    pid_t pid = read_pid(text);
    struct member member;

    if (pid == 0)
        end_with_error(EXIT_NO_SERVICE,
                       "%s: no such pidfile, or an empty one; nothing is there to be adopted",
                       text);
    if (read_member(pid, &member) == IS_GONE)
        end_with_error(EXIT_NO_SERVICE, "there is no process %d", pid);
    return pid;
}

int adopt_command(int argc, char **argv)
{
    char why[512];
    pid_t pid;

    name_command(argv[0]);
    read_settings(argc, argv, print_help);
    if (settings.overlap == NO)
        usage_error("adopt needs both at once, and TFPRELOAD_OVERLAP=no forbids that");
    pid = require_process(take_pid(argv));
    require_proc();
    refuse_ancestor(pid);
    refuse_service(pid);
    require_network_of(pid);
    require_architecture_of(pid);
    if (!can_be_taken_over(pid, why, sizeof why))
        end_with_error(EXIT_REFUSED, "%s", why);
    begin_service();
    take_over();
    run_loop();
}
