/* The descriptors of a fork of ours. */
#ifndef TFHELPER_DESCRIPTORS_H
#define TFHELPER_DESCRIPTORS_H

/*
 * Close all but these two, which may be one: what a fork inherits would keep clients, terminals and
 * listeners open.
 */
void keep_only(int one, int other);

#endif
