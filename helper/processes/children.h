/* Which processes a process has started, and not outlived. */
#ifndef TFHELPER_CHILDREN_H
#define TFHELPER_CHILDREN_H

#include <stddef.h>
#include <sys/types.h>

#include "helper/kernel/lookup.h"

/*
 * Append the children of all threads of a process to an array that the caller frees; dead ones that
 * nobody has waited for are among them. CANNOT_TELL, with errno set, if some may be missing. Some
 * may be missing as well where others end meanwhile: proc(5). It says nothing of a process that is
 * gone: its children hang elsewhere by then.
 */
enum lookup list_children(pid_t pid, pid_t **children, size_t *count);

/* What was read before is old: whoever begins to look at several processes says so. */
void look_anew_for_children(void);

#endif
