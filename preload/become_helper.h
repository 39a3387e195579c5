/* The program becomes tfhelper, which runs it again inside a session. */
#ifndef TFPRELOAD_BECOME_HELPER_H
#define TFPRELOAD_BECOME_HELPER_H

/*
 * Execute tfhelper in place of this program, with the program's own arguments behind
 * it. Returns only if that fails, which has then been said in a line, or if this
 * program is tfhelper.
 */
void become_helper(char **argv, char **environment);

#endif
