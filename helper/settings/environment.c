#include "environment.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper/base/memory.h"

static bool is_variable(const char *entry, const char *name)
{
    size_t length = strlen(name);

    return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

static char *copy_text(const char *text)
{
    char *copy = allocate(strlen(text) + 1, 1);

    return strcpy(copy, text);
}

static char *join(const char *name, const char *value)
{
    size_t size = strlen(name) + strlen(value) + 2;
    char *text = allocate(size, 1);

    snprintf(text, size, "%s=%s", name, value);
    return text;
}

/* The place of a variable, or of the NULL behind the last one. */
static char **find_place(const struct environment *environment, const char *name)
{
    char **at = environment->entry;

    while (*at && !is_variable(*at, name))
        at++;
    return at;
}

struct environment copy_environment(void)
{
    struct environment copy = {NULL, 0};

    while (environ[copy.count]) /* environ is never NULL in a program that was executed */
        copy.count++;
    copy.entry = allocate(copy.count + 1, sizeof *copy.entry);
    for (size_t i = 0; i < copy.count; i++)
        copy.entry[i] = copy_text(environ[i]);
    return copy;
}

void set_variable(struct environment *environment, const char *name, const char *value)
{
    char **place = find_place(environment, name);
    char *text = join(name, value);

    if (*place) {
        free(*place);
        *place = text;
        return;
    }
    environment->entry =
        grow(environment->entry, environment->count + 2, sizeof *environment->entry);
    environment->entry[environment->count++] = text;
    environment->entry[environment->count] = NULL;
}

void rename_variable(struct environment *environment, const char *name, const char *new_name)
{
    char **place;

    if (!value_of(environment, name))
        return;
    unset_variable(environment, new_name);
    while (*(place = find_place(environment, name))) {
        char *old = *place;

        *place = join(new_name, old + strlen(name) + 1);
        free(old);
    }
}

void unset_variable(struct environment *environment, const char *name)
{
    char **place;

    while (*(place = find_place(environment, name))) {
        free(*place);
        memmove(place, place + 1,
                (size_t)(environment->entry + environment->count - place) * sizeof *place);
        environment->count--;
    }
}

const char *value_of(const struct environment *environment, const char *name)
{
    char **place = find_place(environment, name);

    return *place ? *place + strlen(name) + 1 : NULL;
}

void free_environment(struct environment *environment)
{
    for (size_t i = 0; i < environment->count; i++)
        free(environment->entry[i]);
    free(environment->entry);
    *environment = (struct environment){NULL, 0};
}
