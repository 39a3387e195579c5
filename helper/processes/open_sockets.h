/* Which sockets the processes of a generation have open. */
#ifndef TFHELPER_OPEN_SOCKETS_H
#define TFHELPER_OPEN_SOCKETS_H

#include <stddef.h>
#include <stdint.h>

#include "helper/kernel/lookup.h"

struct open_socket;

/*
 * Append the sockets that the processes of this generation have open, as of
 * now. The caller frees. CANNOT_TELL if some may be missing: with EACCES because
 * of processes that may not be looked into, which have changed their uid; with
 * another errno because of what may pass.
 */
enum lookup list_sockets_of(unsigned generation, struct open_socket **sockets, size_t *count);

/* Does a process of this generation have the socket with this inode open, as of now? Likewise. */
enum lookup find_holder(unsigned generation, uint64_t inode);

#endif
