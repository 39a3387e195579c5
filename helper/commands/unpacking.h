/* What somebody's helper sends, and we close: it may take as long as that likes. See impatience.h.
 */
#ifndef TFHELPER_UNPACKING_H
#define TFHELPER_UNPACKING_H

/* Between these two nothing waits for long. */
void begin_unpacking(void);
void end_unpacking(void);

/* Close a connection, with all that has come and was not read. Keeps errno. */
void close_connection(int fd);

#endif
