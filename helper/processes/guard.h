/* Whoever kills the helper, the session ends with it: the process that sees to that. */
#ifndef TFHELPER_GUARD_H
#define TFHELPER_GUARD_H

#include <stdbool.h>
#include <sys/types.h>

struct carrier;

/*
 * Start it, before any server, since a fork of the helper shares what memory that has by then. It
 * waits for the helper's end. Unless dismiss_guard() was called before that, it ends everybody of
 * the session: end_session.h. Should it end itself, another one is started. False, with a line in
 * the log, if there is none.
 */
bool start_guard(void);

/* Does one look after the session? Also in a child of the helper, before it executes anything. */
bool is_guarded(void);

/* Is this process the guard, and not of the server? */
bool is_guard(pid_t pid);

/*
 * The helper ends in an orderly way, and whoever it leaves behind lives on. It waits for the end of
 * the guard, a tenth of a second at most: nobody expects a child of ours.
 */
void dismiss_guard(void);

/*
 * Who it is, and our end of its pair: helper/base/carry.h. The helper that is executed in our place
 * has a roster of its own, and so has another one stand guard, before this one is ended.
 */
void carry_guard(struct carrier *carrier);
void change_guard(void);

#endif
