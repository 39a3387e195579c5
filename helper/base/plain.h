/* Text of a stranger's choice, before a terminal or a log gets it. */
#ifndef TFHELPER_PLAIN_H
#define TFHELPER_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * How many bytes the character at `text` has in UTF-8 (RFC 3629); 0 if it is
 * none. `*control`: is it one that a terminal would obey (ECMA-48, C0 and C1)?
 */
size_t read_character(const char *text, bool *control);

/*
 * Put ? in the place of each byte of what is a control character, a newline
 * among them, or no UTF-8; of a tab, a space. Returns text.
 */
char *make_plain(char *text);

#endif
