/* Does a generation want a file that its predecessor has locked? */
#ifndef TFHELPER_CONTENDED_LOCK_H
#define TFHELPER_CONTENDED_LOCK_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Is a file that a process of this generation has open locked by a process that is
 * not of it? Then `text` says which, for a person. False, too, where that cannot
 * be looked at.
 */
bool find_contended_lock(unsigned generation, char *text, size_t size);

/*
 * Has a process of this generation locked a file? Then `name` is that of the first one in the
 * kernel's list. False, too, where that cannot be looked at.
 */
bool find_held_lock(unsigned generation, char *name, size_t size);

#endif
