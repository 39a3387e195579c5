/*
 * signal(7): a connect(), a receive or a send with a timeout on the socket, and
 * the waits of System V IPC, fail with EINTR after any handler, SA_RESTART or
 * not. The data path is not wrapped, so our orders would show there.
 *
 * On x86-64, libc makes a call with "mov $number,%eax; syscall", and read(),
 * whose number is 0, with "xor %eax,%eax; syscall" where it can. One that has
 * failed with EINTR has done nothing, and has changed no register that it reads
 * but eax: going back to that makes it again. A time that it was given begins
 * anew. (A connect() has begun to connect, and goes on as it does without a
 * timeout, when the kernel itself makes it again.) Where the instructions are
 * others, the program sees the EINTR.
 */
#include "restart.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

#include "kernel.h"
#include "program_memory.h"

#ifdef __x86_64__

/*
 * b8 NUMBER is the mov, 31 c0 the xor, 0f 05 the syscall; behind that stands the
 * instruction pointer.
 */
enum { MOV_BYTES = 5, XOR_BYTES = 2, SYSCALL_BYTES = 2, CALL_BYTES = MOV_BYTES + SYSCALL_BYTES };

/* A call that libc has made. */
struct call {
    uint32_t number; /* UINT32_MAX: it was not libc, or in another way */
    int bytes;
};

static bool may_be_made_again(uint32_t number)
{
    static const uint32_t numbers[] = {
        SYS_recvfrom, SYS_recvmsg,    SYS_recvmmsg,     SYS_read,           SYS_readv,  SYS_connect,
        SYS_sendto,   SYS_sendmsg,    SYS_write,        SYS_writev,         SYS_msgrcv, SYS_msgsnd,
        SYS_semop,    SYS_semtimedop, SYS_io_getevents, SYS_io_uring_enter,
    };

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i] == number)
            return true;
    return false;
}

bool fails_with_eintr(const void *context)
{
    return ((const ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] == -EINTR;
}

static struct call interrupted_call(const greg_t *registers)
{
    static const uint8_t xor_syscall[] = {0x31, 0xc0, 0x0f, 0x05};
    struct call call = {.number = UINT32_MAX, .bytes = CALL_BYTES};
    uint8_t code[CALL_BYTES];

    if (!read_program_memory(code, (const void *)(registers[REG_RIP] - CALL_BYTES), sizeof code))
        return call;
    if (code[0] == 0xb8 && memcmp(code + MOV_BYTES, xor_syscall + XOR_BYTES, SYSCALL_BYTES) == 0)
        memcpy(&call.number, code + 1, sizeof call.number);
    else if (memcmp(code + CALL_BYTES - sizeof xor_syscall, xor_syscall, sizeof xor_syscall) == 0)
        call = (struct call){SYS_read, sizeof xor_syscall};
    return call;
}

void restart_interrupted_call(void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    struct call call;

    if (!fails_with_eintr(context))
        return;
    call = interrupted_call(registers);
    if (may_be_made_again(call.number))
        registers[REG_RIP] -= call.bytes;
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
        interrupted_call(registers).number == SYS_recvmmsg)
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
