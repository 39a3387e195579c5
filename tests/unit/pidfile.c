/*
 * The pidfile: written and removed by helper/outside/pidfile.c, read by the commands
 * (helper/commands/service.c).
 */
#include "helper/outside/pidfile.h"

#include <sys/stat.h>

#include "helper/base/usage.h"
#include "helper/commands/find_service.h"
#include "helper/settings/settings.h"
#include "unit.h"

TEST("a pid, or the first word of a file")
{
    CHECK_INT(read_pid("4711"), 4711);
    CHECK_INT(read_pid(path_with("4711\n")), 4711);
    CHECK_INT(read_pid(path_with("4711")), 4711);
    CHECK_INT(read_pid(path_with("4711 \t/run/x\nmore\n")), 4711);
    CHECK_INT(read_pid(path_with("2147483647")), 2147483647);
}

TEST("a file that is not there or empty is a service that does not run")
{
    CHECK_INT(read_pid("/nonexistent/pid"), 0);
    CHECK_INT(read_pid(path_with("")), 0);
    CHECK_INT(read_pid(path_with("\n4711\n")), 0);
}

TEST("what names no process ends with the status for misuse")
{
    static const char *const words[] = {"0",     "-1",    "2147483648", "99999999999999999999",
                                        "nginx", "4711x", "0x10"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        CHECK_EXIT(read_pid(path_with(words[i])), EXIT_USAGE);
    CHECK_EXIT(read_pid("0"), EXIT_USAGE);
    CHECK_EXIT(read_pid("-1"), EXIT_USAGE);
    CHECK_EXIT(read_pid("/tmp"), EXIT_USAGE);
    CHECK_EXIT(read_pid("/etc/passwd/pid"), EXIT_USAGE);
}

static char directory[] = "/tmp/unit-XXXXXX";
static char path[64];

static void choose_pidfile(void)
{
    REQUIRE(CHECK(mkdtemp(directory) != NULL));
    snprintf(path, sizeof path, "%s/pid", directory);
    settings.pidfile = path;
}

static void write_text(const char *text)
{
    FILE *file = fopen(path, "w");

    fputs(text, file);
    fclose(file);
}

TEST("it is written whole, with nothing beside it, and removed")
{
    choose_pidfile();
    write_text("12345678\n");
    write_pidfile();
    CHECK_INT(read_pid(path), getpid());
    remove_pidfile();
    CHECK(access(path, F_OK) == -1);
    CHECK_INT(rmdir(directory), 0); /* it is empty */
}

TEST("one that names somebody else stays")
{
    choose_pidfile();
    write_text("1\n");
    remove_pidfile();
    CHECK_INT(read_pid(path), 1);
    write_text("");
    remove_pidfile();
    CHECK_INT(access(path, F_OK), 0);
    unlink(path);
    remove_pidfile();
    rmdir(directory);
}
