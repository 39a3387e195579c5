/* Who has been told what, for the helper that is executed in our place. */
#ifndef TFHELPER_CARRY_ASKED_H
#define TFHELPER_CARRY_ASKED_H

struct asked_list;
struct carrier;

/* A list of those that were sent an order or a signal: helper/base/carry.h. */
void carry_asked(struct carrier *carrier, struct asked_list *list);

#endif
