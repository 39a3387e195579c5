/* The helper that was executed in the place of another one goes on where that one was. */
#ifndef TFHELPER_RESUME_H
#define TFHELPER_RESUME_H

#include <stdbool.h>

/*
 * At the very start: were we executed in this process by another helper? Then its state waits for
 * us, and resume() has to be called. The variable that says so is gone from the environment.
 */
bool take_state(void);

/*
 * Go on with it. What cannot be read, though it was checked, the program before gets back; where
 * that is not to be had, the server runs on below us, without upgrades, and this does not return.
 */
void resume(void);

/* Is this argument CHECK_OPTION? Then check what it names, with argv behind it, and end. */
bool is_check(const char *argument);
_Noreturn void check_state(const char *option);

#endif
