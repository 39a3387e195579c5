/* The registers of a stopped thread, as far as system calls go: one file for all architectures. */
#ifndef TFHELPER_REGISTERS_H
#define TFHELPER_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

struct registers {
#if defined(__x86_64__) || defined(__aarch64__)
    struct user_regs_struct user;
#endif
    long number;         /* of the call that it was in, -1 for none */
    long result;         /* of that, as the kernel has it: what asks for a restart, too */
    long first_argument; /* where the result has overwritten it */
};

/* Is this architecture known here? */
bool has_registers(void);

bool read_registers(pid_t thread, struct registers *registers);
bool write_registers(pid_t thread, const struct registers *registers);

/* Where the thread has an instruction that calls the kernel; 0 if none is found. */
uint64_t find_call_instruction(pid_t thread, const struct registers *registers);

/* Make them those of a thread that is about to do this call. */
void set_call(struct registers *registers, uint64_t instruction, long number,
              const long arguments[6]);

/* Was it in a call that has to be begun anew? */
bool was_interrupted(const struct registers *registers);

/* And is that one which the kernel would not begin anew by itself, but end with EINTR? */
bool was_ended_early(const struct registers *registers);

/*
 * Let it go back into that call; or, with a handler to run before it (`handled`), let the call end
 * with EINTR, if it is one that does.
 */
void begin_call_anew(struct registers *registers, bool handled);

#endif
