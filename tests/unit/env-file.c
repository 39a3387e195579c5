/* The environment file, and the list that it goes into: helper/settings/env_file.c, environment.c.
 */
#include "helper/settings/env_file.h"

#include "helper/settings/environment.h"
#include "unit.h"

static struct environment environment;
static char why[256];

static bool read_lines(const char *text)
{
    clearenv();
    putenv("KEPT=before");
    environment = copy_environment();
    why[0] = '\0';
    return read_env_file(path_with(text), &environment, why, sizeof why);
}

#define CHECK_REFUSED(text, line, reason)                                                          \
    do {                                                                                           \
        CHECK(!read_lines(text));                                                                  \
        CHECK_PART(why, ", line " line ": " reason);                                               \
    } while (0)

TEST("variables are set, and replace those of the same name")
{
    REQUIRE(CHECK(read_lines("A=1\nKEPT=after\nB_2=two\n")));
    CHECK_TEXT(value_of(&environment, "A"), "1");
    CHECK_TEXT(value_of(&environment, "B_2"), "two");
    CHECK_TEXT(value_of(&environment, "KEPT"), "after");
    CHECK_INT(environment.count, 3);
    CHECK_TEXT(environment.entry[3], NULL);
}

TEST("blank lines and comments are skipped, spaces around name and value are not part of them")
{
    REQUIRE(CHECK(read_lines("# a comment\n\n  ; another = one\n \t \n  A =  one two \t\r\nB=")));
    CHECK_TEXT(value_of(&environment, "A"), "one two");
    CHECK_TEXT(value_of(&environment, "B"), "");
    CHECK_INT(environment.count, 3);
}

TEST("quotes are taken off, one pair of them; nothing is expanded")
{
    REQUIRE(CHECK(read_lines("A=\" x \"\nB='\"y\"'\nC=it's\nD=$A\\n`x`\nE=\"\"\nF=a=b#c\n")));
    CHECK_TEXT(value_of(&environment, "A"), " x ");
    CHECK_TEXT(value_of(&environment, "B"), "\"y\"");
    CHECK_TEXT(value_of(&environment, "C"), "it's");
    CHECK_TEXT(value_of(&environment, "D"), "$A\\n`x`");
    CHECK_TEXT(value_of(&environment, "E"), "");
    CHECK_TEXT(value_of(&environment, "F"), "a=b#c");
}

TEST("the first line that cannot be used is named; those before it are taken")
{
    CHECK_REFUSED("A=1\n\nB\nC=3\n", "3", "expected NAME=VALUE");
    CHECK_TEXT(value_of(&environment, "A"), "1");
    CHECK_TEXT(value_of(&environment, "C"), NULL);
    CHECK_REFUSED("export A=1\n", "1", "expected a name");
    CHECK_REFUSED("1A=1\n", "1", "expected a name");
    CHECK_REFUSED("=1\n", "1", "expected a name");
    CHECK_REFUSED("\xc3\xa4=1\n", "1", "expected a name");
    CHECK_REFUSED("A=\"1\n", "1", "the quote");
    CHECK_REFUSED("A=1\nA='\n", "2", "the quote");
}

TEST("unset takes variables out, each that it names")
{
    REQUIRE(CHECK(read_lines("A=1\nB=2\nC=3\nunset A  KEPT\tB \n  unset NOBODY\nunset=5\n")));
    CHECK_TEXT(value_of(&environment, "A"), NULL);
    CHECK_TEXT(value_of(&environment, "B"), NULL);
    CHECK_TEXT(value_of(&environment, "KEPT"), NULL);
    CHECK_TEXT(value_of(&environment, "C"), "3");
    CHECK_TEXT(value_of(&environment, "unset"), "5");
    CHECK_REFUSED("unset A=1\n", "1", "expected names of variables behind unset");
    CHECK_REFUSED("unset A 1\n", "1", "expected names of variables behind unset");
    CHECK_REFUSED("unset LD_PRELOAD\n", "1", "this variable belongs");
    CHECK_REFUSED("unset\n", "1", "expected NAME=VALUE, or unset NAME");
}

TEST("what makes a process one of ours is not for a file to say")
{
    CHECK_REFUSED("LD_PRELOAD=/x.so\n", "1", "this variable belongs to tfpreload");
    CHECK_REFUSED("TFPRELOAD_SESSION=1/2/3\n", "1", "this variable belongs");
    CHECK_REFUSED("TFPRELOAD_LD_PRELOAD=\n", "1", "this variable belongs");
    CHECK(read_lines("LD_PRELOAD_=1\nLD_LIBRARY_PATH=/x\n"));
}

TEST("a file that is not there, and one that is a directory")
{
    environment = copy_environment();
    CHECK(!read_env_file("/nonexistent/env", &environment, why, sizeof why));
    CHECK_TEXT(why, "/nonexistent/env: No such file or directory");
    CHECK(!read_env_file("/tmp", &environment, why, sizeof why));
    CHECK_TEXT(why, "/tmp: Is a directory");
}

TEST("a variable that stands there several times")
{
    static char first[] = "A=1", second[] = "AB=2", third[] = "A=3";
    static char *const list[] = {first, second, third, NULL};

    environ = (char **)list;
    environment = copy_environment();
    rename_variable(&environment, "A", "C");
    CHECK_TEXT(environment.entry[0], "C=1");
    CHECK_TEXT(environment.entry[1], "AB=2");
    CHECK_TEXT(environment.entry[2], "C=3");
    unset_variable(&environment, "C");
    CHECK_TEXT(value_of(&environment, "C"), NULL);
    CHECK_TEXT(value_of(&environment, "AB"), "2");
    set_variable(&environment, "D", "");
    CHECK_TEXT(value_of(&environment, "D"), "");
    free_environment(&environment);
}
