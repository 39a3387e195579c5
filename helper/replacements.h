/* What retired listeners are replaced with. */
#ifndef TFHELPER_REPLACEMENTS_H
#define TFHELPER_REPLACEMENTS_H

enum { REPLACEMENTS = 2 };

/*
 * A blocking and a non-blocking socket that listen and that nobody can reach.
 * They stay the helper's; made on first use. NULL with errno set on failure.
 */
const int *open_replacements(void);

/* Close them: no generation is retiring any more. */
void close_replacements(void);

#endif
