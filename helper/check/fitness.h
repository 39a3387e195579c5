/* Whether a program can be upgraded: said before anyone tries. */
#ifndef TFHELPER_FITNESS_H
#define TFHELPER_FITNESS_H

#include <stdio.h>

/* From good to bad. */
enum verdict { FIT, DOUBTFUL, UNFIT, NOT_EXECUTABLE, NOT_FOUND };

/*
 * Judge the program that this command would execute. What was found is written
 * to `findings`, a line each, with what to do about it. `library`: what would be
 * preloaded, NULL if there is none.
 */
enum verdict judge_program(const char *command, const char *library, FILE *findings);

#endif
