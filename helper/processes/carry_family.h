/* The last look at the family, for the helper that is executed in our place. */
#ifndef TFHELPER_CARRY_FAMILY_H
#define TFHELPER_CARRY_FAMILY_H

struct carrier;

/* Who belongs to which generation; written just after a look: helper/base/carry.h. */
void carry_family(struct carrier *carrier);

#endif
