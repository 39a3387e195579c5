/* The first line of a script. */
#ifndef TFHELPER_SCRIPT_H
#define TFHELPER_SCRIPT_H

#include <stdbool.h>

enum { SCRIPT_LINE = 256 }; /* execve(2): what is behind is cut off */

struct script {
    char interpreter[SCRIPT_LINE];
    char argument[SCRIPT_LINE]; /* the one that Linux makes of the rest, "" for none */
};

/* Read the #! line of an open file; false if it has none. */
bool read_script(int file, struct script *script);

/*
 * The command that env(1) looks up when it has this argument, into `command`;
 * false if there is none. `empties`: env begins with an empty environment.
 */
bool read_env_argument(const char *argument, char command[SCRIPT_LINE], bool *empties);

#endif
