/* The operator's file of variables: helper/settings/env_file.c. */
#include "helper/settings/env_file.h"

#include "fuzz.h"
#include "helper/settings/environment.h"

static void try_input(const uint8_t *data, size_t size)
{
    static char *nothing[] = {NULL};
    struct environment environment;
    unsigned number = 0;
    FILE *file = size > 0 ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;

    if (!file)
        return;
    environ = nothing;
    environment = copy_environment();
    (void)read_env_lines(file, &environment, &number);
    HOLDS(!value_of(&environment, "LD_PRELOAD") && !value_of(&environment, "TFPRELOAD_SESSION"));
    for (size_t i = 0; i < environment.count; i++)
        HOLDS(strchr(environment.entry[i], '=') > environment.entry[i]);
    free_environment(&environment);
    fclose(file);
}
