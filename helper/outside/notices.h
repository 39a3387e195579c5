/*
 * What a server says to its service manager by sd_notify(3). It says it to us,
 * who know which generation speaks, and pass on what is for the manager.
 */
#ifndef TFHELPER_NOTICES_H
#define TFHELPER_NOTICES_H

#include <stdbool.h>

struct environment;
struct generation;

/*
 * Open a socket for the notices of a generation that is to be executed, and
 * name it in its environment; but only where a manager, or the setting, has the
 * server speak. A failure is one line in the log.
 */
void open_notices(struct generation *generation, struct environment *environment);

void close_notices(struct generation *generation);

/* Does this generation have to say READY=1? */
bool has_to_say_ready(const struct generation *generation);

/* Watch that of a generation which was carried here: helper/generation/carry_generations.h. */
void resume_notices(struct generation *generation);

#endif
