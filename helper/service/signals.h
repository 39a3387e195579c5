/* The helper's signals, read from a descriptor. */
#ifndef TFHELPER_SIGNALS_H
#define TFHELPER_SIGNALS_H

/*
 * Block every signal that can be, keep for the server what it would have had,
 * and return a descriptor that reads them, or -1 with errno set.
 */
int open_signals(void);

/* The same where they are blocked and kept already: what has arrived meanwhile is read, too. */
int reopen_signals(void);

/* Take the signals that have arrived. */
void read_signals(int fd);

#endif
