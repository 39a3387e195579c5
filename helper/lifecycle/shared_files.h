/* Files by which a generation may find its predecessor: locks, and files that are there. */
#ifndef TFHELPER_SHARED_FILES_H
#define TFHELPER_SHARED_FILES_H

#include <stdbool.h>
#include <sys/types.h>

struct generation;
struct listener_key;

enum sharing {
    NO_NEIGHBOUR, /* it has no predecessor any more, or one that it need not ask about */
    NOT_SHARED,
    SHARED,  /* the operator has named it */
    REMOVED, /* the generation has removed it, as far as it knows */
};

/* Somebody has locked the file that `key` names, and a process of `generation` may not. */
enum sharing sharing_of_lock(struct generation *generation, const struct listener_key *key);

/* A process of `generation` creates that file, which is there, and has `pid` in it, or nothing. */
enum sharing sharing_of_new_file(struct generation *generation, const struct listener_key *key,
                                 pid_t pid);

/* May it remove that file? Another generation may have its lock or its pid there. */
bool may_remove_shared(struct generation *generation, const struct listener_key *key);

/* A pid file of its predecessor stays, though the generation has removed it. */
void note_removed(struct generation *generation, const struct listener_key *key);

/* A generation is gone: what it had locked is for the others. */
void pass_locks_on(void);

#endif
