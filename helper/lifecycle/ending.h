/* What is known of the end of the service: that it will come, is asked for, or has come. */
#ifndef TFHELPER_ENDING_H
#define TFHELPER_ENDING_H

#include <stdbool.h>

struct carrier;

/* Somebody has sent the service a signal to end: when it does, nothing is left to supervise. */
void expect_end(void);
bool is_end_expected(void);

/* A generation has become the current one that was not told. */
void expect_no_end(void);

/* Somebody wants it to end gracefully: from now on nothing is upgraded. */
void ask_for_end(void);
bool is_shutting_down(void);

/* The server has ended, with this status, which will be the helper's. */
void begin_ending(int wait_status);
bool is_ending(void);

/* End as the server did: its status, or its signal. */
_Noreturn void end_like_the_server(void);

/* Until when one is expected: helper/base/carry.h. */
void carry_expected_end(struct carrier *carrier);

#endif
