/* The generations, for the helper that is executed in our place. */
#ifndef TFHELPER_CARRY_GENERATIONS_H
#define TFHELPER_CARRY_GENERATIONS_H

struct carrier;

/*
 * All of them, in states that may last, and which is the current one: helper/base/carry.h. Of one
 * that has been read nothing is watched yet; a descriptor that it has none of is -1.
 */
void carry_generations(struct carrier *carrier);

#endif
