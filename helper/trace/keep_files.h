/* Who is told to end removes no file that its successor uses: a pidfile, the path of a socket. */
#ifndef TFHELPER_KEEP_FILES_H
#define TFHELPER_KEEP_FILES_H

struct trace;

/*
 * From now on, whatever the processes of this generation remove stays, and they believe that it is
 * gone. For a generation that runs already, and is about to end. Once: who has been told is not
 * told again. Where it cannot be done the log says so.
 */
void have_files_kept(struct trace *trace);

#endif
