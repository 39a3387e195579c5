/* The environment of a generation: what the helper was given, with a few entries of its own. */
#ifndef TFHELPER_ENVIRONMENT_H
#define TFHELPER_ENVIRONMENT_H

#include <stddef.h>

/* A list of NAME=VALUE that ends with NULL, each text in memory of its own. */
struct environment {
    char **entry;
    size_t count;
};

/* A copy of our own. */
struct environment copy_environment(void);

/* Set a variable, in its place if it is there, else behind all others. */
void set_variable(struct environment *environment, const char *name, const char *value);

/* Give a variable another name, in its place; in each, where it is there several times. */
void rename_variable(struct environment *environment, const char *name, const char *new_name);

/* Take a variable out; all of them, where it is there several times. */
void unset_variable(struct environment *environment, const char *name);

/* The value of a variable, or NULL. */
const char *value_of(const struct environment *environment, const char *name);

void free_environment(struct environment *environment);

#endif
