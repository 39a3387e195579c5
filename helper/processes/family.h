/* Which processes belong to which generation: everything below the helper, from /proc. */
#ifndef TFHELPER_FAMILY_H
#define TFHELPER_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "helper/kernel/lookup.h"
#include "pid_index.h"
#include "read_member.h"

enum { FIRST_GENERATION = 1 };

struct family {
    struct member *member;
    size_t count;
    struct pid_index index;
    int error; /* why somebody may be missing, an errno; 0: nobody is */
};

/*
 * Look at all living descendants of the helper. The result is valid until the
 * next look. Processes that fork or end meanwhile may be missed: look again.
 * Where something could not be looked at, whoever was there before and is not
 * known to be gone still is, and `error` says so.
 */
const struct family *look_at_family(void);

/* From now on the first generation's processes need not descend from the helper. */
void expect_foreign_members(void);
bool are_foreign_members_expected(void);

/*
 * This generation ran before us, and serves: should the helper be killed, its processes are not
 * ended with all others. 0: there is none. Holds from the next look on.
 */
void spare_generation(unsigned generation);

/* The last look again. */
const struct family *latest_family(void);

/* The member with this pid in the last look, or NULL. */
const struct member *find_member(pid_t pid);

/* Is this the same process still? Its pid may be another one's by now. */
enum lookup is_still_there(const struct member *known);

/* How many members of this generation the last look found. */
size_t count_members(unsigned generation);

/* Is it certain, from the last look, that this generation has none? */
bool has_no_members(unsigned generation);

/* Process `pid` has said to which generation it belongs: a hint. */
void learn_member(pid_t pid, unsigned generation);

/*
 * What is carried from one helper to the next, which has not looked yet: the last look, when the
 * session was started (proc(5), starttime), and whether foreign members are expected.
 */
uint64_t start_of_session(void);
void begin_with_family(const struct member *members, size_t count, uint64_t started, bool foreign);

#endif
