/*
 * System calls made directly. A signal handler may not call libc's versions:
 * they are cancellation points, other preloads wrap them, and so do we.
 * Each returns what the call returns, -1 with errno set on failure.
 */
#ifndef TFPRELOAD_KERNEL_H
#define TFPRELOAD_KERNEL_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The kernel's signal set: 64 signals, whatever libc reserves in sigset_t. */
enum { KERNEL_SIGSET_BYTES = 8 };

static inline int kernel_openat(int directory, const char *path, int flags)
{
    return (int)syscall(SYS_openat, directory, path, flags, 0);
}

static inline ssize_t kernel_read(int fd, void *buffer, size_t size)
{
    return syscall(SYS_read, fd, buffer, size);
}

static inline int kernel_close(int fd)
{
    return (int)syscall(SYS_close, fd);
}

static inline int kernel_fcntl(int fd, int command, long argument)
{
    return (int)syscall(SYS_fcntl, fd, command, argument);
}

static inline int kernel_dup3(int from, int to, int flags)
{
    return (int)syscall(SYS_dup3, from, to, flags);
}

static inline int kernel_clock_gettime(clockid_t clock, struct timespec *time)
{
    return (int)syscall(SYS_clock_gettime, clock, time);
}

static inline ssize_t kernel_readlinkat(int directory, const char *path, char *buffer, size_t size)
{
    return syscall(SYS_readlinkat, directory, path, buffer, size);
}

static inline long kernel_getdents(int fd, void *buffer, size_t size)
{
    return syscall(SYS_getdents64, fd, buffer, size);
}

static inline int kernel_socket(int family, int type, int protocol)
{
    return (int)syscall(SYS_socket, family, type, protocol);
}

static inline int kernel_connect(int fd, const void *address, socklen_t length)
{
    return (int)syscall(SYS_connect, fd, address, length);
}

static inline int kernel_bind(int fd, const void *address, socklen_t length)
{
    return (int)syscall(SYS_bind, fd, address, length);
}

static inline int kernel_listen(int fd, int backlog)
{
    return (int)syscall(SYS_listen, fd, backlog);
}

static inline int kernel_accept4(int fd, void *address, socklen_t *length, int flags)
{
    return (int)syscall(SYS_accept4, fd, address, length, flags);
}

static inline int kernel_socketpair(int family, int type, int pair[2])
{
    return (int)syscall(SYS_socketpair, family, type, 0, pair);
}

static inline ssize_t kernel_sendmsg(int fd, const struct msghdr *message, int flags)
{
    return syscall(SYS_sendmsg, fd, message, flags);
}

static inline ssize_t kernel_recvmsg(int fd, struct msghdr *message, int flags)
{
    return syscall(SYS_recvmsg, fd, message, flags);
}

static inline int kernel_getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
    return (int)syscall(SYS_getsockopt, fd, level, name, value, length);
}

static inline int kernel_setsockopt(int fd, int level, int name, const void *value,
                                    socklen_t length)
{
    return (int)syscall(SYS_setsockopt, fd, level, name, value, length);
}

static inline int kernel_getsockname(int fd, void *address, socklen_t *length)
{
    return (int)syscall(SYS_getsockname, fd, address, length);
}

static inline int kernel_getpeername(int fd, void *address, socklen_t *length)
{
    return (int)syscall(SYS_getpeername, fd, address, length);
}

static inline int kernel_epoll_ctl(int set, int operation, int fd, struct epoll_event *event)
{
    return (int)syscall(SYS_epoll_ctl, set, operation, fd, event);
}

/*
 * Does the epoll set watch what `fd` stands for, as epoll_ctl(2) was told? Anything but -1
 * is yes, or that it may be. ENOENT: it watches no such number; kcmp(2), Linux 4.13.
 */
static inline int kernel_compare_watched(int set, int fd)
{
    enum { COMPARE_EPOLL_TARGET = 7 }; /* KCMP_EPOLL_TFD of <linux/kcmp.h> */
    const struct {
        uint32_t set;
        uint32_t fd;
        uint32_t skip; /* so many registrations of that number */
    } slot = {(uint32_t)set, (uint32_t)fd, 0};
    const long self = syscall(SYS_gettid);

    return (int)syscall(SYS_kcmp, self, self, COMPARE_EPOLL_TARGET, fd, &slot);
}

/* Memory of the caller's own, zeroed; NULL with errno set on failure, as of the next one. */
static inline void *kernel_map(size_t size)
{
    const int access = PROT_READ | PROT_WRITE;
    const int kind = MAP_PRIVATE | MAP_ANONYMOUS;
#ifdef SYS_mmap2 /* where there is one, the older call takes its arguments in another way: mmap(2) \
                  */
    long memory = syscall(SYS_mmap2, NULL, size, access, kind, -1, 0);
#elif defined __s390x__ /* which has the older call alone, and that wants them in memory */
    const unsigned long arguments[] = {0, size, access, kind, -1UL, 0};
    long memory = syscall(SYS_mmap, arguments);
#else
    long memory = syscall(SYS_mmap, NULL, size, access, kind, -1, 0);
#endif

    return memory == -1 ? NULL : (void *)memory; // NOLINT(performance-no-int-to-ptr)
}

/* Memory of a file, which others share; else as above. */
static inline void *kernel_map_file(int file, size_t size)
{
    const int access = PROT_READ | PROT_WRITE;
#ifdef SYS_mmap2
    long memory = syscall(SYS_mmap2, NULL, size, access, MAP_SHARED, file, 0);
#else
    long memory = syscall(SYS_mmap, NULL, size, access, MAP_SHARED, file, 0);
#endif

    return memory == -1 ? NULL : (void *)memory; // NOLINT(performance-no-int-to-ptr)
}

/* The same memory, larger, perhaps elsewhere. */
static inline void *kernel_remap(void *memory, size_t size, size_t new_size)
{
    long moved = syscall(SYS_mremap, memory, size, new_size, MREMAP_MAYMOVE);

    return moved == -1 ? NULL : (void *)moved; // NOLINT(performance-no-int-to-ptr)
}

static inline int kernel_unmap(void *memory, size_t size)
{
    return (int)syscall(SYS_munmap, memory, size);
}

static inline int kernel_tgkill(pid_t process, pid_t thread, int signal_number)
{
    return (int)syscall(SYS_tgkill, process, thread, signal_number);
}

static inline int kernel_sigmask(int how, const void *set, void *old)
{
    return (int)syscall(SYS_rt_sigprocmask, how, set, old, (size_t)KERNEL_SIGSET_BYTES);
}

static inline int kernel_sigpending(void *set)
{
    return (int)syscall(SYS_rt_sigpending, set, (size_t)KERNEL_SIGSET_BYTES);
}

/* What prlimit64(2) takes, whatever libc has for a struct rlimit. */
struct kernel_limit {
    uint64_t present;
    uint64_t most;
};

static inline int kernel_prlimit(int resource, const struct kernel_limit *new,
                                 struct kernel_limit *old)
{
    return (int)syscall(SYS_prlimit64, 0, resource, new, old);
}

static inline pid_t kernel_getpid(void)
{
    return (pid_t)syscall(SYS_getpid);
}

static inline pid_t kernel_gettid(void)
{
    return (pid_t)syscall(SYS_gettid);
}

/*
 * poll(); milliseconds, -1 for ever. As ppoll, since poll is missing on newer architectures. `mask`
 * is that of the thread meanwhile, NULL: the one that it has.
 */
static inline int kernel_ppoll(struct pollfd *fds, unsigned count, int milliseconds,
                               const void *mask)
{
    struct timespec limit = {milliseconds / 1000, milliseconds % 1000 * 1000000L};

    return (int)syscall(SYS_ppoll, fds, count, milliseconds < 0 ? NULL : &limit, mask,
                        (size_t)KERNEL_SIGSET_BYTES);
}

static inline int kernel_poll(struct pollfd *fds, unsigned count, int milliseconds)
{
    return kernel_ppoll(fds, count, milliseconds, NULL);
}

#endif
