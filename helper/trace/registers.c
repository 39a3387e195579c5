/*
 * The kernel marks a call that a stop has interrupted by results that no program ever sees
 * (include/linux/errno.h in its sources), and begins it anew when the thread goes on. Once we have
 * made calls of our own with these registers it does not know of that any more, and we do it.
 */
#include "registers.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "borrow.h"
#include "helper/kernel/procfile.h"

enum {
    RESTART_SYSTEM = -512,       /* unless a handler without SA_RESTART runs */
    RESTART_NO_INTERRUPT = -513, /* always */
    RESTART_NO_HANDLER = -514,   /* unless a handler runs */
    RESTART_BLOCK = -516,        /* the same, by restart_syscall(2), for what has a time limit */
};

bool was_interrupted(const struct registers *registers)
{
    return registers->number >= 0 &&
           (registers->result == -EINTR || registers->result == RESTART_SYSTEM ||
            registers->result == RESTART_NO_INTERRUPT || registers->result == RESTART_NO_HANDLER ||
            registers->result == RESTART_BLOCK);
}

bool was_ended_early(const struct registers *registers)
{
    return registers->number >= 0 && registers->result == -EINTR;
}

#if defined(__x86_64__) || defined(__aarch64__)
static bool read_set(pid_t thread, struct user_regs_struct *user)
{
    struct iovec part = {user, sizeof *user};

    return ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &part) == 0 &&
           part.iov_len == sizeof *user;
}

bool write_registers(pid_t thread, const struct registers *registers)
{
    struct user_regs_struct user = registers->user;
    struct iovec part = {&user, sizeof user};

    return ptrace(PTRACE_SETREGSET, thread, NT_PRSTATUS, &part) == 0;
}

/* The page of code that the kernel has given to every program has calls in it, for when it fails.
 */
static bool find_vdso(pid_t thread, uint64_t *start, uint64_t *end)
{
    char name[64];
    FILE *maps;
    char line[512];
    bool found = false;

    snprintf(name, sizeof name, "/proc/%d/maps", thread);
    maps = fopen(name, "re");
    while (maps && !found && fgets(line, sizeof line, maps)) {
        unsigned long long from;
        unsigned long long to;

        found = strstr(line, "[vdso]") && sscanf(line, "%llx-%llx", &from, &to) == 2;
        if (found) {
            *start = from;
            *end = to;
        }
    }
    if (maps)
        fclose(maps);
    return found;
}

/* The first place in there, `step` bytes apart, with these bytes. */
static uint64_t find_in_vdso(pid_t thread, const void *bytes, size_t size, size_t step)
{
    static unsigned char code[64 * 1024];
    uint64_t start;
    uint64_t end;

    if (!find_vdso(thread, &start, &end) || end - start > sizeof code ||
        !read_memory(thread, start, code, end - start))
        return 0;
    for (size_t i = 0; i + size <= end - start; i += step)
        if (memcmp(code + i, bytes, size) == 0)
            return start + i;
    return 0;
}

static bool is_there(pid_t thread, uint64_t address, const void *bytes, size_t size)
{
    unsigned char found[8];

    return read_memory(thread, address, found, size) && memcmp(found, bytes, size) == 0;
}
#endif

#if defined(__x86_64__)
static const unsigned char call_instruction[] = {0x0f, 0x05}; /* syscall */

bool has_registers(void)
{
    return true;
}

bool read_registers(pid_t thread, struct registers *registers)
{
    if (!read_set(thread, &registers->user))
        return false;
    registers->number = (long)registers->user.orig_rax;
    registers->result = (long)registers->user.rax;
    registers->first_argument = (long)registers->user.rdi;
    return true;
}

uint64_t find_call_instruction(pid_t thread, const struct registers *registers)
{
    uint64_t before = registers->user.rip - sizeof call_instruction;

    if (is_there(thread, before, call_instruction, sizeof call_instruction))
        return before;
    return find_in_vdso(thread, call_instruction, sizeof call_instruction, 1);
}

void set_call(struct registers *registers, uint64_t instruction, long number,
              const long arguments[6])
{
    struct user_regs_struct *user = &registers->user;

    user->rip = instruction;
    user->rax = (unsigned long long)number;
    user->orig_rax = -1ULL; /* in no call: the kernel shall restart none */
    user->rdi = (unsigned long long)arguments[0];
    user->rsi = (unsigned long long)arguments[1];
    user->rdx = (unsigned long long)arguments[2];
    user->r10 = (unsigned long long)arguments[3];
    user->r8 = (unsigned long long)arguments[4];
    user->r9 = (unsigned long long)arguments[5];
}

void begin_call_anew(struct registers *registers, bool handled)
{
    struct user_regs_struct *user = &registers->user;

    if (handled && registers->result != RESTART_SYSTEM &&
        registers->result != RESTART_NO_INTERRUPT) {
        user->rax = (unsigned long long)-EINTR;
    } else {
        user->rax = registers->result == RESTART_BLOCK ? SYS_restart_syscall : user->orig_rax;
        user->rip -= sizeof call_instruction;
    }
    user->orig_rax = -1ULL;
}
#elif defined(__aarch64__)
static const unsigned char call_instruction[] = {0x01, 0x00, 0x00, 0xd4}; /* svc #0 */

bool has_registers(void)
{
    return true;
}

/*
 * do_signal() in arch/arm64/kernel/signal.c has begun the call anew before a tracer sees it: the
 * program counter is at the instruction again. What ends with EINTR is left for us.
 */
bool read_registers(pid_t thread, struct registers *registers)
{
    struct thread_call call;

    if (!read_set(thread, &registers->user))
        return false;
    /* the first register holds the result: what was there before it, /proc knows */
    if (read_syscall(thread, thread, &call) != IS_THERE)
        return false;
    registers->number = call.running ? -1 : call.number;
    registers->first_argument = (long)call.first_argument;
    registers->result = (long)registers->user.regs[0];
    return true;
}

uint64_t find_call_instruction(pid_t thread, const struct registers *registers)
{
    const uint64_t counter = registers->user.pc;

    if (is_there(thread, counter, call_instruction, sizeof call_instruction))
        return counter;
    if (is_there(thread, counter - sizeof call_instruction, call_instruction,
                 sizeof call_instruction))
        return counter - sizeof call_instruction;
    return find_in_vdso(thread, call_instruction, sizeof call_instruction, 4);
}

void set_call(struct registers *registers, uint64_t instruction, long number,
              const long arguments[6])
{
    registers->user.pc = instruction;
    registers->user.regs[8] = (unsigned long long)number;
    for (int i = 0; i < 6; i++)
        registers->user.regs[i] = (unsigned long long)arguments[i];
}

void begin_call_anew(struct registers *registers, bool handled)
{
    if (handled || registers->result != -EINTR)
        return;
    registers->user.regs[0] = (unsigned long long)registers->first_argument;
    registers->user.pc -= sizeof call_instruction;
}
#else
bool has_registers(void)
{
    return false;
}

bool read_registers(pid_t thread, struct registers *registers)
{
    (void)thread;
    (void)registers;
    return false;
}

bool write_registers(pid_t thread, const struct registers *registers)
{
    (void)thread;
    (void)registers;
    return false;
}

uint64_t find_call_instruction(pid_t thread, const struct registers *registers)
{
    (void)thread;
    (void)registers;
    return 0;
}

void set_call(struct registers *registers, uint64_t instruction, long number,
              const long arguments[6])
{
    (void)registers;
    (void)instruction;
    (void)number;
    (void)arguments;
}

void begin_call_anew(struct registers *registers, bool handled)
{
    (void)registers;
    (void)handled;
}
#endif
