/* Scripts that `tfhelper check` looks at: helper/check/script.c. */
#include "helper/check/script.h"

#include "fuzz.h"

static void try_input(const uint8_t *data, size_t size)
{
    struct script script;
    char command[SCRIPT_LINE];
    char *text = text_of(data, size);
    bool empties;

    if (read_script(file_of(data, size), &script)) {
        HOLDS(strlen(script.interpreter) < SCRIPT_LINE && strlen(script.argument) < SCRIPT_LINE);
        if (read_env_argument(script.argument, command, &empties))
            HOLDS(*command != '\0');
    }
    if (read_env_argument(text, command, &empties))
        HOLDS(*command != '\0');
    free(text);
}
