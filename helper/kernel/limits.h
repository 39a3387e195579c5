/* How many descriptors the helper may have: it holds the listeners of an upgrade, each twice. */
#ifndef TFHELPER_LIMITS_H
#define TFHELPER_LIMITS_H

struct carrier;

/* From now on, as many as we are allowed at all. */
void lift_descriptor_limit(void);

/* As it was, for what is executed. In a child of ours, before that. */
void restore_descriptor_limit(void);

/* How it was: helper/base/carry.h. */
void carry_descriptor_limit(struct carrier *carrier);

#endif
