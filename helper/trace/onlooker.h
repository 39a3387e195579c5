/*
 * Looks into processes that may not be what the operator started: workers without privileges. A
 * page of theirs may never come (userfaultfd(2), a file that they serve themselves), and the close
 * of a file may never end. A process of ours is held up by that, instead of the helper.
 */
#ifndef TFHELPER_ONLOOKER_H
#define TFHELPER_ONLOOKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* As much as can be read in one go. */
enum { MOST_READ = 64 * 1024 };

/* See borrow.h. Both fail with ETIMEDOUT where it takes too long. */
bool have_memory_read(pid_t process, uint64_t address, void *memory, size_t size);

/* Of sockets, epoll sets and rings alone, EBADF for everything else. */
int have_descriptor_borrowed(pid_t process, int number);

/* What it does, and what the helper does itself with processes that could be its own. */
bool read_memory_of(pid_t process, uint64_t address, void *memory, size_t size);

/* It is started again when it is needed. */
void end_onlooker(void);

#endif
