/*
 * By statx(2), which looks the same everywhere; on Linux before 4.11, or where a sandbox does not
 * know that call, by the older one, whose structure each architecture has its own of. That is the
 * kernel's, and no libc's: <asm/stat.h> and <sys/stat.h> do not go together.
 */
#include "file_status.h"

#include <asm/stat.h>
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    STATX_MODE = 1 | 2,
    STATX_OWNERS = 8 | 0x10,
    STATX_INODE = 0x100,
    STATX_SIZE_OF_IT = 0x200,
    EMPTY_PATH = 0x1000, /* AT_EMPTY_PATH */
    STATX_FLAGS = 0x6000 /* AT_STATX_SYNC_TYPE: no other call knows these */
};

/* What statx(2) fills in, whatever libc calls it, if it does: musl 1.2.3 has no name for it. */
struct kernel_statx {
    uint32_t mask;
    uint32_t block_size;
    uint64_t attributes;
    uint32_t links;
    uint32_t user;
    uint32_t group;
    uint16_t mode;
    uint16_t unused;
    uint64_t inode;
    uint64_t size;
    uint64_t blocks;
    uint64_t known_attributes;
    uint64_t times[8];
    uint32_t special_major;
    uint32_t special_minor;
    uint32_t device_major;
    uint32_t device_minor;
    uint64_t later[14];
};

static_assert(sizeof(struct kernel_statx) == 256, "as the kernel has it");

/* As makedev(3) has it, which is a function of glibc's alone where code is to be small. */
static uint64_t device_number(uint64_t major, uint64_t minor)
{
    return (major & ~0xfffull) << 32 | (major & 0xfff) << 8 | (minor & ~0xffull) << 12 |
           (minor & 0xff);
}

static int read_by_statx(int directory, const char *path, int flags, struct file_status *status)
{
    const unsigned wanted = STATX_MODE | STATX_OWNERS | STATX_INODE | STATX_SIZE_OF_IT;
    struct kernel_statx file;

    if (syscall(SYS_statx, directory, path, flags, wanted, &file) == -1)
        return -1;
    *status = (struct file_status){.device = device_number(file.device_major, file.device_minor),
                                   .inode = file.inode,
                                   .size = file.size,
                                   .mode = file.mode,
                                   .user = file.user,
                                   .group = file.group};
    return 0;
}

/* Newer architectures have statx(2) and no other. */
static int read_by_older_call(int directory, const char *path, int flags,
                              struct file_status *status)
{
#if defined SYS_newfstatat || defined SYS_fstatat64
#ifdef SYS_newfstatat
    struct stat file;
    const long call = SYS_newfstatat;
#else
    struct stat64 file;
    const long call = SYS_fstatat64;
#endif

    if (syscall(call, directory, path, &file, flags & ~STATX_FLAGS) == -1)
        return -1;
    *status = (struct file_status){.device = file.st_dev,
                                   .inode = file.st_ino,
                                   .size = (uint64_t)file.st_size,
                                   .mode = file.st_mode,
                                   .user = file.st_uid,
                                   .group = file.st_gid};
    return 0;
#else
    (void)directory, (void)path, (void)flags, (void)status;
    return -1;
#endif
}

int read_file_status(int directory, const char *path, int flags, struct file_status *status)
{
    int result = read_by_statx(directory, path, flags, status);

    /* an older sandbox forbids what it does not know, where a kernel does not have it */
    if (result == -1 && (errno == ENOSYS || errno == EPERM))
        result = read_by_older_call(directory, path, flags, status);
    return result;
}

int read_descriptor_status(int fd, struct file_status *status)
{
    return read_file_status(fd, "", EMPTY_PATH, status);
}
