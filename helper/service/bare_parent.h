/* What is left of a helper that can go on neither as the new one nor as the old. */
#ifndef TFHELPER_BARE_PARENT_H
#define TFHELPER_BARE_PARENT_H

/*
 * The server is not left without its parent: signals are passed on to our children, but for the one
 * that upgrades; who ends is reaped, and with the last one we end as it did. All signals are
 * blocked.
 */
_Noreturn void be_a_bare_parent(void);

#endif
