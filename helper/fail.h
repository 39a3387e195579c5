/* An upgrade that does not come to pass: the old generation goes on as if nothing had been. */
#ifndef TFHELPER_FAIL_H
#define TFHELPER_FAIL_H

struct generation;

/*
 * Give up an upgrade before its generation was ready, with the reason for the
 * log. Its processes are killed, the listeners put back as they were.
 */
void fail_upgrade(struct generation *generation, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same without a word, since the service itself has ended. */
void drop_upgrade(struct generation *generation);

/* The first process has ended before the generation was ready. */
void exited_before_ready(struct generation *generation);

#endif
