/*
 * What a process may do beside other generations: to files and processes that may be theirs, and to
 * sockets that it shares with them. Each answers a question, and returns false when there is no
 * more to say on that connection.
 */
#ifndef TFHELPER_SHARING_QUESTIONS_H
#define TFHELPER_SHARING_QUESTIONS_H

#include <stdbool.h>

struct question;

bool unlink_asked(struct question *question);
bool unlink_pid_asked(struct question *question);
bool unlink_file_asked(struct question *question);
bool lock_asked(struct question *question);
bool create_asked(struct question *question);
bool signal_asked(struct question *question);
bool connect_asked(struct question *question);
bool proc_text_asked(struct question *question);
bool group_signal_asked(struct question *question);
bool shared_asked(struct question *question);
bool shutdown_asked(struct question *question);

#endif
