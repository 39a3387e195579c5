/* The first line of a script, and what env(1) makes of its argument: helper/check/script.c. */
#include "helper/check/script.h"

#include "unit.h"

static struct script script;

#define CHECK_SCRIPT(text, program, rest)                                                          \
    do {                                                                                           \
        CHECK(read_script(file_with(text), &script));                                              \
        CHECK_TEXT(script.interpreter, program);                                                   \
        CHECK_TEXT(script.argument, rest);                                                         \
    } while (0)

TEST("interpreter, and the one argument that Linux makes of the rest")
{
    CHECK_SCRIPT("#!/bin/sh\necho\n", "/bin/sh", "");
    CHECK_SCRIPT("#! \t/bin/sh -e \t\n", "/bin/sh", "-e");
    CHECK_SCRIPT("#!/usr/bin/env -S python3 -u\n", "/usr/bin/env", "-S python3 -u");
    CHECK_SCRIPT("#!/bin/sh", "/bin/sh", "");
    CHECK_SCRIPT("#!/bin/sh\r\n", "/bin/sh\r", ""); /* as the kernel reads it */
}

TEST("no script")
{
    CHECK(!read_script(file_with(""), &script));
    CHECK(!read_script(file_with("#"), &script));
    CHECK(!read_script(file_with(" #!/bin/sh\n"), &script));
    CHECK(!read_script(file_with("\x7f"
                                 "ELF"),
                       &script));
}

TEST("a line that names nothing")
{
    CHECK_SCRIPT("#!", "", "");
    CHECK_SCRIPT("#!\n/bin/sh\n", "", "");
    CHECK_SCRIPT("#! \t \n", "", "");
    CHECK(read_script(file_with_bytes("#!\0/bin/sh\n", 11), &script));
    CHECK_TEXT(script.interpreter, "");
}

TEST("what is behind the longest line is cut off")
{
    char line[1024];

    snprintf(line, sizeof line, "#!/%0*d", 1000, 0);
    CHECK(read_script(file_with(line), &script));
    CHECK_INT(strlen(script.interpreter), SCRIPT_LINE - 1 - 2);
    snprintf(line, sizeof line, "#!/bin/sh %0*d", 1000, 0);
    CHECK(read_script(file_with(line), &script));
    CHECK_TEXT(script.interpreter, "/bin/sh");
    CHECK_INT(strlen(script.argument), SCRIPT_LINE - 1 - strlen("#!/bin/sh "));
}

static bool empties;

/* The command that env looks up, or NULL. */
static const char *command_in(const char *argument)
{
    static char command[SCRIPT_LINE];

    return read_env_argument(argument, command, &empties) ? command : NULL;
}

TEST("env without options: the argument is the command, whatever is in it")
{
    CHECK_TEXT(command_in("python3"), "python3");
    CHECK_TEXT(command_in("python3 -u"), "python3 -u");
    CHECK_TEXT(command_in(""), NULL);
    CHECK(!empties);
}

TEST("env -S: the first word that is neither option nor variable")
{
    CHECK_TEXT(command_in("-S python3 -u"), "python3");
    CHECK_TEXT(command_in("-Spython3"), "python3");
    CHECK_TEXT(command_in("-vS A=1 B=2 ruby"), "ruby");
    CHECK_TEXT(command_in("--split-string=node x"), "node");
    CHECK_TEXT(command_in("-S -u HOME -C /tmp perl"), "perl");
    CHECK_TEXT(command_in("-S --unset HOME --chdir /tmp perl"), "perl");
    CHECK(!empties);
    CHECK_TEXT(command_in("-S"), NULL);
    CHECK_TEXT(command_in("-S A=1"), NULL);
    CHECK_TEXT(command_in("-S -u"), NULL);
    CHECK_TEXT(command_in("-v"), NULL);
}

TEST("env that begins with an empty environment")
{
    static const char *const arguments[] = {"-iS perl", "-S -i perl", "-S - perl",
                                            "-S --ignore-environment perl", "-S -vi perl"};

    for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++) {
        CHECK_TEXT(command_in(arguments[i]), "perl");
        CHECK(empties);
    }
}
