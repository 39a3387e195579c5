/* Settings that name files which somebody else may write. */
#ifndef TFHELPER_OTHER_WRITERS_H
#define TFHELPER_OTHER_WRITERS_H

/*
 * Whoever may write the hook or the file of variables decides what runs as our
 * user. That may be meant so: it is one line in the log for each.
 */
void warn_of_other_writers(void);

#endif
