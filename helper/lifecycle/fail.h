/* An upgrade that does not come to pass. */
#ifndef TFHELPER_FAIL_H
#define TFHELPER_FAIL_H

struct generation;

/*
 * FAILED: its processes are killed, the listeners put back as they were. One that has waited for
 * clients may have some: it gives up its listeners first, and drains as an old generation does.
 */
void upgrade_failed(struct generation *generation);

/* WITHDRAWING, TIMER and ANSWERED: who has not given up its listeners yet? */
void withdraw_again(struct generation *generation);

/* WITHDRAWING, EMPTY, or FAILED once more: it is not waited for any longer. */
void withdraw_no_longer(struct generation *generation);

/* DROPPED: the same without a word, since the service itself has ended. */
void drop_upgrade(struct generation *generation);

/* The first process has ended before the generation was ready. */
void exited_before_ready(struct generation *generation);

#endif
