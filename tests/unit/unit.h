/*
 * What a unit test is made of. It is a program, tests/unit/NAME.c, for what needs no process
 * of its own to be tried: it includes this file, and has cases:
 *
 *     #include "helper/check/script.h"
 *     #include "unit.h"
 *
 *     TEST("a line without an argument")
 *     {
 *         struct script script;
 *
 *         CHECK(read_script(file_with("#!/bin/sh\n"), &script));
 *         CHECK_TEXT(script.argument, "");
 *     }
 *
 * To add one: write the file, and a line for it in tests/unit.bats. Nothing is to be said in the
 * GNUmakefile. `make unit` builds all of them, and build/unit/NAME [PART] runs the cases whose name
 * has this part (all without one): a line of TAP for each, and exit status 1 if any failed.
 *
 * The program is linked with all of the helper's objects, as an archive: what the test does not
 * call is not in it, and what the test defines itself takes the place of the product's (a log
 * that is remembered, say), provided that it defines all of that file. preload-NAME.c is linked
 * with those of the library instead, but for preload/calls, whose names are libc's. What is static
 * is reached by including its .c file.
 *
 * Each case runs in a process of its own: it may crash, end or never end, and leaves nothing to
 * the next one. A check that fails is printed, with both values, and the case goes on; what makes
 * no sense after a failure stands behind a REQUIRE.
 */
#ifndef TFPRELOAD_UNIT_H
#define TFPRELOAD_UNIT_H

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Seconds for one case; none takes one of them. */
enum { UNIT_TIME = 60, UNIT_CASES = 200 };

static struct unit_case {
    const char *name;
    void (*run)(void);
} unit_cases[UNIT_CASES];

static int unit_count;
static int unit_failures; /* of the case that runs */

/* ---- cases ---- */

#define UNIT_JOIN_(a, b) a##b
#define UNIT_JOIN(a, b) UNIT_JOIN_(a, b)

#define TEST(text)                                                                                 \
    static void UNIT_JOIN(unit_run_, __LINE__)(void);                                              \
    __attribute__((constructor)) static void UNIT_JOIN(unit_add_, __LINE__)(void)                  \
    {                                                                                              \
        unit_add(text, UNIT_JOIN(unit_run_, __LINE__));                                            \
    }                                                                                              \
    static void UNIT_JOIN(unit_run_, __LINE__)(void)

__attribute__((unused)) static void unit_add(const char *name, void (*run)(void))
{
    if (unit_count == UNIT_CASES)
        abort();
    unit_cases[unit_count++] = (struct unit_case){name, run};
}

/* ---- checks: each is true if it holds ---- */

/* That it holds. */
#define CHECK(condition) unit_check(condition, __FILE__, __LINE__, #condition)

/* That two numbers are the same (or two bools, or enumerations). */
#define CHECK_INT(got, wanted)                                                                     \
    unit_check_int((intmax_t)(got), (intmax_t)(wanted), __FILE__, __LINE__, #got)

/* That two texts are the same, or both NULL. */
#define CHECK_TEXT(got, wanted) unit_check_text(got, wanted, __FILE__, __LINE__, #got)

/* That a text has this part. */
#define CHECK_PART(got, part) unit_check_part(got, part, __FILE__, __LINE__, #got)

/* That the statement ends the process with this exit status. What it prints is lost. */
#define CHECK_EXIT(statement, wanted)                                                              \
    do {                                                                                           \
        pid_t unit_child = unit_fork();                                                            \
        if (unit_child == 0) {                                                                     \
            unit_hush();                                                                           \
            statement;                                                                             \
            _exit(UNIT_WENT_ON);                                                                   \
        }                                                                                          \
        unit_check_int(unit_status(unit_child), wanted, __FILE__, __LINE__,                        \
                       "exit status of " #statement);                                              \
    } while (0)

/* One of the above, without which the case cannot go on. */
#define REQUIRE(check)                                                                             \
    do {                                                                                           \
        if (!(check))                                                                              \
            unit_end_case();                                                                       \
    } while (0)

enum { UNIT_WENT_ON = 99 };

__attribute__((unused)) static bool unit_check(bool holds, const char *file, int line,
                                               const char *text)
{
    if (!holds) {
        unit_failures++;
        printf("# %s:%d: %s: does not hold\n", file, line, text);
    }
    return holds;
}

__attribute__((unused)) static bool unit_check_int(intmax_t got, intmax_t wanted, const char *file,
                                                   int line, const char *text)
{
    if (got != wanted) {
        unit_failures++;
        printf("# %s:%d: %s: is %jd, expected %jd\n", file, line, text, got, wanted);
    }
    return got == wanted;
}

__attribute__((unused)) static bool unit_check_text(const char *got, const char *wanted,
                                                    const char *file, int line, const char *text)
{
    bool same = got && wanted ? strcmp(got, wanted) == 0 : got == wanted;

    if (!same) {
        unit_failures++;
        printf("# %s:%d: %s: is \"%s\", expected \"%s\"\n", file, line, text, got ? got : "(null)",
               wanted ? wanted : "(null)");
    }
    return same;
}

__attribute__((unused)) static bool unit_check_part(const char *got, const char *part,
                                                    const char *file, int line, const char *text)
{
    bool there = got && strstr(got, part);

    if (!there) {
        unit_failures++;
        printf("# %s:%d: %s: is \"%s\", expected \"%s\" in it\n", file, line, text,
               got ? got : "(null)", part);
    }
    return there;
}

/* ---- for the cases ---- */

/* A file without a name that holds these bytes, open at its beginning. Nobody closes it. */
__attribute__((unused)) static int file_with_bytes(const void *bytes, size_t size)
{
    int file = memfd_create("unit", MFD_CLOEXEC);

    if (file == -1 || write(file, bytes, size) != (ssize_t)size || lseek(file, 0, SEEK_SET) != 0)
        abort();
    return file;
}

__attribute__((unused)) static int file_with(const char *text)
{
    return file_with_bytes(text, strlen(text));
}

/* The path of such a file, which is removed when the case has ended. Eight are valid at a time. */
static char unit_paths[8][32];

__attribute__((unused)) static const char *path_with(const char *text)
{
    static unsigned next;
    char *path = unit_paths[next++ % 8];
    int file;

    if (*path)
        unlink(path);
    snprintf(path, sizeof *unit_paths, "unit-XXXXXX");
    file = mkstemp(path);
    if (file == -1 || write(file, text, strlen(text)) != (ssize_t)strlen(text)) {
        perror(path);
        _exit(EXIT_FAILURE);
    }
    close(file);
    return path;
}

/* The next of a row of numbers that is the same each time, so that what fails can be repeated. */
__attribute__((unused)) static uint32_t unit_random(void)
{
    static uint32_t state = 4711;

    state ^= state << 13; /* Marsaglia's xorshift */
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

/* ---- running them ---- */

__attribute__((unused)) static _Noreturn void unit_end_case(void)
{
    fflush(stdout);
    for (size_t i = 0; i < sizeof unit_paths / sizeof *unit_paths; i++)
        if (*unit_paths[i])
            unlink(unit_paths[i]);
    _exit(unit_failures ? EXIT_FAILURE : EXIT_SUCCESS);
}

__attribute__((unused)) static void unit_hush(void)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
}

static pid_t unit_fork(void)
{
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child == -1)
        abort();
    if (child == 0)
        alarm(UNIT_TIME);
    return child;
}

/* How it has ended: its exit status, or 128 and the signal. */
static int unit_status(pid_t child)
{
    int status;

    if (waitpid(child, &status, 0) != child)
        abort();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool unit_passes(const struct unit_case *test, int number)
{
    pid_t child = unit_fork();
    int status;

    if (child == 0) {
        test->run();
        unit_end_case();
    }
    status = unit_status(child);
    if (status > 128)
        printf("# ended by signal %d (%s)\n", status - 128, strsignal(status - 128));
    else if (status > EXIT_FAILURE)
        printf("# ended with status %d\n", status);
    printf("%sok %d %s\n", status == 0 ? "" : "not ", number, test->name);
    return status == 0;
}

int main(int argc, char **argv)
{
    int chosen = 0;
    int failed = 0;

    for (int i = 0; i < unit_count; i++)
        if (argc < 2 || strstr(unit_cases[i].name, argv[1]))
            failed += !unit_passes(&unit_cases[i], ++chosen);
    printf("1..%d\n", chosen);
    return failed == 0 && chosen > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
