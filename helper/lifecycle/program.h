/* The file that a generation is executed from, held open so that it can be executed once more. */
#ifndef TFHELPER_PROGRAM_H
#define TFHELPER_PROGRAM_H

#include <stdbool.h>

struct generation;

/*
 * Open what is executed for this generation now, and where. False, with errno set, if there is
 * no such program.
 */
bool keep_program(struct generation *generation);

/* It is being executed: note from what, if that may be needed again. */
void note_program(struct generation *generation);

#endif
