/* In the guard: the helper is gone, and so shall be all that it has started. */
#ifndef TFHELPER_END_SESSION_H
#define TFHELPER_END_SESSION_H

/*
 * End whoever stands in the roster, and all that descend from them: by the stop signal, and by
 * SIGKILL when the stop timeout, or five seconds, are over. Returns when nobody is left, or when
 * they do not end of that either. Says so to syslog: stderr is the server's.
 */
void end_session(void);

#endif
