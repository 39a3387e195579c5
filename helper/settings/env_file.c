#include "env_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "environment.h"
#include "helper/base/operators_file.h"
#include "preload/wire/protocol.h"

/* More than an execve(2) takes: 128 KiB a variable, and two megabytes of them by default. */
enum { MOST_BYTES = 4 * 1024 * 1024 };

/* What makes a process one of ours is not for a file to say. */
static const char *const reserved[] = {"LD_PRELOAD", SESSION_VARIABLE, PRELOAD_VARIABLE};

static bool is_name(const char *name)
{
    if (!isalpha((unsigned char)*name) && *name != '_')
        return false;
    while (isalnum((unsigned char)*name) || *name == '_')
        name++;
    return *name == '\0';
}

static bool is_reserved(const char *name)
{
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strcmp(name, reserved[i]) == 0)
            return true;
    return false;
}

/* Cut white space off both ends. */
static char *trim(char *text)
{
    char *end = text + strlen(text);

    while (end > text && isspace((unsigned char)end[-1]))
        *--end = '\0';
    while (isspace((unsigned char)*text))
        text++;
    return text;
}

/* Take the quotes off, if the value has any; false if there is only one. */
static bool unquote(char **value)
{
    char quote = **value;
    size_t length = strlen(*value);

    if (quote != '"' && quote != '\'')
        return true;
    if (length < 2 || (*value)[length - 1] != quote)
        return false;
    (*value)[length - 1] = '\0';
    (*value)++;
    return true;
}

/* What is wrong with the name of a variable, or NULL. */
static const char *refuse_name(const char *name, const char *expected)
{
    if (!is_name(name))
        return expected;
    return is_reserved(name) ? "this variable belongs to tfpreload" : NULL;
}

/* "unset NAME": what the helper was started with, and the server is not to have any more. */
static bool is_unset(const char *line)
{
    return strncmp(line, "unset", 5) == 0 && isspace((unsigned char)line[5]) &&
           *(line + strspn(line + 5, " \t") + 5) != '=';
}

static const char *unset_names(char *names, struct environment *environment)
{
    const char *wrong = NULL;
    const char *name;

    while (!wrong && (name = strsep(&names, " \t")))
        if (*name && !(wrong = refuse_name(name, "expected names of variables behind unset")))
            unset_variable(environment, name);
    return wrong;
}

/* What is wrong with the line, or NULL. */
static const char *take_line(char *line, struct environment *environment)
{
    char *name = trim(line);
    char *value = strchr(name, '=');
    const char *wrong;

    if (*name == '\0' || *name == '#' || *name == ';')
        return NULL;
    if (is_unset(name))
        return unset_names(name + 5, environment);
    if (!value)
        return "expected NAME=VALUE, or unset NAME";
    *value++ = '\0';
    name = trim(name);
    value = trim(value);
    if ((wrong = refuse_name(name, "expected a name of letters, digits and _ in front of =")))
        return wrong;
    if (!unquote(&value))
        return "the quote at the beginning of the value is not closed";
    set_variable(environment, name, value);
    return NULL;
}

const char *read_env_lines(FILE *file, struct environment *environment, unsigned *number)
{
    const char *wrong = NULL;
    char *line = NULL;
    size_t room = 0;
    off_t size = 0;
    ssize_t length;

    while (!wrong && (length = getline(&line, &room, file)) != -1) {
        ++*number;
        size += length;
        wrong = size > MOST_BYTES ? "more than 4 MiB" : take_line(line, environment);
    }
    free(line);
    return wrong;
}

/* Its owner may make it as long as a disk: a line without an end must not take all memory. */
static FILE *open_env_file(const char *path, const char **why)
{
    int fd = open_operators_file(path, why);
    struct stat status;

    if (fd == -1)
        return NULL;
    if (fstat(fd, &status) == 0 && status.st_size <= MOST_BYTES)
        return fdopen(fd, "r");
    *why = "is larger than 4 MiB";
    close(fd);
    return NULL;
}

bool read_env_file(const char *path, struct environment *environment, char *why, size_t size)
{
    const char *wrong = strerror(ENOMEM);
    FILE *file = open_env_file(path, &wrong);
    unsigned number = 0;

    if (!file) {
        snprintf(why, size, "%s: %s", path, wrong);
        return false;
    }
    wrong = read_env_lines(file, environment, &number);
    if (wrong)
        snprintf(why, size, "%s, line %u: %s", path, number, wrong);
    fclose(file);
    return !wrong;
}
