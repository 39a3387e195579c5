#include "env_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../preload/protocol.h"
#include "environment.h"

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

/* What is wrong with the line, or NULL. */
static const char *take_line(char *line, struct environment *environment)
{
    char *name = trim(line);
    char *value = strchr(name, '=');

    if (*name == '\0' || *name == '#' || *name == ';')
        return NULL;
    if (!value)
        return "expected NAME=VALUE";
    *value++ = '\0';
    name = trim(name);
    value = trim(value);
    if (!is_name(name))
        return "expected a name of letters, digits and _ in front of =";
    if (is_reserved(name))
        return "this variable belongs to tfpreload";
    if (!unquote(&value))
        return "the quote at the beginning of the value is not closed";
    set_variable(environment, name, value);
    return NULL;
}

bool read_env_file(const char *path, struct environment *environment, char *why, size_t size)
{
    FILE *file = fopen(path, "re");
    const char *wrong = NULL;
    char *line = NULL;
    size_t room = 0;
    unsigned number = 0;
    bool right;

    if (!file) {
        snprintf(why, size, "%s: %s", path, strerror(errno));
        return false;
    }
    while (!wrong && getline(&line, &room, file) != -1) {
        number++;
        wrong = take_line(line, environment);
    }
    if (wrong)
        snprintf(why, size, "%s, line %u: %s", path, number, wrong);
    else if (ferror(file)) /* of a directory, for one: opening it is no error */
        snprintf(why, size, "%s: %s", path, strerror(errno));
    right = !wrong && !ferror(file);
    free(line);
    fclose(file);
    return right;
}
