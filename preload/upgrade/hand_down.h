/* A program that is executed with a listener of ours belongs to the session as well. */
#ifndef TFPRELOAD_HAND_DOWN_H
#define TFPRELOAD_HAND_DOWN_H

/* In the constructor: keep what makes a program one of the session's. */
void keep_variables(char **environment);

/*
 * execve(2). Where a listener stays open in the program, and its environment says nothing of the
 * session nor of other libraries, that is added. Async-signal-safe.
 */
int execute_in_session(const char *path, char *const arguments[], char *const environment[]);

#endif
