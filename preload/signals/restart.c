/*
 * signal(7): a connect(), a receive or a send with a timeout on the socket, the
 * waits of System V IPC, and a semaphore with a time limit fail with EINTR after
 * any handler, SA_RESTART or not. The data path is not wrapped, so our orders
 * would show there.
 *
 * On x86-64, libc makes a call with "mov $number,%eax; syscall", and read(),
 * whose number is 0, with "xor %eax,%eax; syscall" where it can. In a program
 * that has threads, arguments may be taken from the stack in between. One that
 * has failed with EINTR has done nothing, and has changed no register that it
 * reads but eax: putting the number back there, and going back to the syscall,
 * makes it again. A time that it was given begins anew. (A connect() has begun to
 * connect, and goes on as it does without a timeout, when the kernel itself makes
 * it again.) Where the instructions are others, the program sees the EINTR.
 *
 * Without this an upgrade would end a receive with SO_RCVTIMEO, a semop() or a
 * sem_timedwait() of a program that does not expect EINTR there: "no wait is interrupted
 * by an upgrade" in tests/calls.bats fails, for each of the three parts of it: the
 * number, the loads from the stack, and the error that recvmmsg() keeps.
 */
#include "restart.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

#include "preload/kernel/kernel.h"
#include "preload/kernel/program_memory.h"

#ifdef __x86_64__

/* b8 NUMBER is the mov, 31 c0 the xor, 0f 05 the syscall; behind that stands the rip. */
enum { MOV_BYTES = 5, XOR_BYTES = 2, SYSCALL_BYTES = 2, CODE_BYTES = 32, NO_CALL = -1 };

/*
 * futex(2): only the time of FUTEX_WAIT_BITSET, which libc uses, is absolute. Who
 * waits for another while (Go's timers) makes an EINTR into one that is shorter.
 */
static bool waits_until(greg_t operation)
{
    return (operation & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
}

static bool may_be_made_again(int number, const greg_t *registers)
{
    static const uint16_t numbers[] = {
        SYS_recvfrom, SYS_recvmsg,    SYS_recvmmsg,     SYS_read,           SYS_readv,  SYS_connect,
        SYS_sendto,   SYS_sendmsg,    SYS_write,        SYS_writev,         SYS_msgrcv, SYS_msgsnd,
        SYS_semop,    SYS_semtimedop, SYS_io_getevents, SYS_io_uring_enter,
    };

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i] == number)
            return true;
    return number == SYS_futex && waits_until(registers[REG_RSI]);
}

bool fails_with_eintr(const void *context)
{
    return ((const ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] == -EINTR;
}

static bool is_rex(uint8_t byte)
{
    return (byte & 0xf0) == 0x40;
}

/* The length of a "mov offset(%rsp),register" that leaves eax alone, or 0: [REX] 8b … 24 OFFSET. */
static size_t load_from_stack(const uint8_t *code)
{
    size_t prefix = is_rex(code[0]);
    bool is_r8 = prefix && code[0] & 4;

    return code[prefix] == 0x8b && (code[prefix + 1] & 0xc7) == 0x44 && code[prefix + 2] == 0x24 &&
                   (code[prefix + 1] != 0x44 || is_r8)
               ? prefix + 4
               : 0;
}

/* Is there nothing but loads from the stack between `at` and `end`? */
static bool leads_to(const uint8_t *at, const uint8_t *end)
{
    while (at < end) {
        size_t length = load_from_stack(at);

        if (length == 0)
            return false;
        at += length;
    }
    return at == end;
}

/* The number of the system call, or NO_CALL: it was not libc that made it, or in another way. */
static int interrupted_call(const greg_t *registers)
{
    static const uint8_t syscall_code[] = {0x0f, 0x05};
    static const uint8_t xor_code[] = {0x31, 0xc0};
    uint8_t code[CODE_BYTES];
    const uint8_t *end = code + CODE_BYTES - SYSCALL_BYTES;
    int number;

    if (!read_program_memory(code, (const void *)(registers[REG_RIP] - CODE_BYTES), sizeof code) ||
        memcmp(end, syscall_code, SYSCALL_BYTES) != 0)
        return NO_CALL;
    if (memcmp(end - XOR_BYTES, xor_code, XOR_BYTES) == 0)
        return SYS_read;
    for (const uint8_t *mov = end - MOV_BYTES; mov > code; mov--) {
        /* with REX it is the mov to r8d */
        if (mov[0] != 0xb8 || is_rex(mov[-1]) || !leads_to(mov + MOV_BYTES, end))
            continue;
        memcpy(&number, mov + 1, sizeof number);
        return number;
    }
    return NO_CALL;
}

void restart_interrupted_call(void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    int number;

    if (!fails_with_eintr(context))
        return;
    number = interrupted_call(registers);
    if (!may_be_made_again(number, registers))
        return;
    registers[REG_RAX] = number;
    registers[REG_RIP] -= SYSCALL_BYTES;
}

/*
 * recvmmsg(2), BUGS: the error that has ended it after the first message is for
 * the next call. It is EINTR here, or ERESTARTSYS, which no program knows.
 */
void forget_interruption(const void *context)
{
    const greg_t *registers = ((const ucontext_t *)context)->uc_mcontext.gregs;
    int error;
    socklen_t length = sizeof error;

    if (registers[REG_RAX] > 0 && registers[REG_RAX] < registers[REG_RDX] &&
        interrupted_call(registers) == SYS_recvmmsg)
        kernel_getsockopt((int)registers[REG_RDI], SOL_SOCKET, SO_ERROR, &error, &length);
}

#else

bool fails_with_eintr(const void *context)
{
#ifdef __aarch64__
    return (int64_t)((const ucontext_t *)context)->uc_mcontext.regs[0] == -EINTR;
#else
    (void)context;
    return true;
#endif
}

void restart_interrupted_call(void *context)
{
    (void)context;
}

void forget_interruption(const void *context)
{
    (void)context;
}

#endif
