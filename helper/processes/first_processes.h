/* The process that was executed for each generation, and what is known of it and its descendants.
 */
#ifndef TFHELPER_FIRST_PROCESSES_H
#define TFHELPER_FIRST_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct carrier;

struct first_process {
    unsigned generation;
    pid_t pid;
    bool ended;
    bool takes_no_orders;
    pid_t waiting;          /* who waits for clients, as it has said */
    uint64_t waiting_since; /* its start */
};

/*
 * Process `pid` has been executed for this generation: what descends from it is of that generation,
 * too. Later, that it has ended, or that another one has taken its place; and at last, that the
 * generation is gone.
 */
void add_first_process(unsigned generation, pid_t pid);
void first_process_ended(unsigned generation);
void replace_first_process(unsigned generation, pid_t pid);
void forget_generation(unsigned generation);

/* What its processes have for a handler of the order signal is not the library's. */
void expect_no_orders(unsigned generation);

/* A process of the generation, which knows its secret, waits for clients: a look must not miss it.
 */
void waits_for_clients(pid_t pid, unsigned generation);

/* That of a generation, or NULL. */
const struct first_process *find_first_process(unsigned generation);

/* All of them, the oldest first. */
size_t first_process_count(void);
const struct first_process *first_process(size_t k);

/* Is this one of them, that has not ended? */
bool is_first_of(pid_t pid, unsigned *generation);

/* The youngest generation whose first process has ended, or 0. */
unsigned youngest_that_lost_its_first(void);

/* All that is known of them: helper/base/carry.h. */
void carry_first_processes(struct carrier *carrier);

#endif
