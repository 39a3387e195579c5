/* What is read of files, by statx(2) and where that call is not to be had. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "preload/kernel/file_status.h"
#include "unit.h"

/* From now on statx(2) fails with this error, as far as this case is concerned. */
static void hide_statx(unsigned error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_statx, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};

    REQUIRE(CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0));
    errno = 0;
    CHECK(syscall(SYS_statx, AT_FDCWD, ".", 0, 0, NULL) == -1 && errno == (int)error);
}

static void check_against(const struct file_status *got, const struct stat *wanted)
{
    CHECK_INT(got->device, wanted->st_dev);
    CHECK_INT(got->inode, wanted->st_ino);
    CHECK_INT(got->size, wanted->st_size);
    CHECK_INT(got->mode, wanted->st_mode);
    CHECK_INT(got->user, wanted->st_uid);
    CHECK_INT(got->group, wanted->st_gid);
}

static void check_all(void)
{
    static const char *const paths[] = {"/", "/dev/null", "/proc/self/exe", "/proc/self", "/sys"};
    int descriptors[] = {file_with("some bytes"), socket(AF_UNIX, SOCK_STREAM, 0)};
    struct file_status got;
    struct stat wanted;

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        REQUIRE(CHECK_INT(stat(paths[i], &wanted), 0));
        REQUIRE(CHECK_INT(read_file_status(AT_FDCWD, paths[i], 0, &got), 0));
        check_against(&got, &wanted);
        REQUIRE(CHECK_INT(lstat(paths[i], &wanted), 0));
        REQUIRE(CHECK_INT(
            read_file_status(AT_FDCWD, paths[i], AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC, &got),
            0));
        check_against(&got, &wanted);
    }
    for (size_t i = 0; i < sizeof descriptors / sizeof *descriptors; i++) {
        REQUIRE(CHECK_INT(fstat(descriptors[i], &wanted), 0));
        REQUIRE(CHECK_INT(read_descriptor_status(descriptors[i], &got), 0));
        check_against(&got, &wanted);
    }
    CHECK_INT(read_file_status(AT_FDCWD, "not/there", 0, &got), -1);
    CHECK_INT(errno, ENOENT);
    CHECK_INT(read_descriptor_status(-1, &got), -1);
    CHECK_INT(errno, EBADF);
}

TEST("files and descriptors, as stat(2) has them")
{
    check_all();
}

TEST("the same on Linux before 4.11")
{
    hide_statx(ENOSYS);
    check_all();
}

TEST("the same in a sandbox that forbids what it does not know")
{
    hide_statx(EPERM);
    check_all();
}
