/* What the library reads in /proc: lines of any length, and texts that no kernel writes. */
#include <errno.h>
#include <fcntl.h>

#include "preload/kernel/proc_text.h"
#include "preload/kernel/procfs.h"
#include "unit.h"

struct lines {
    unsigned count;
    unsigned most;
    size_t length[8];
    char last; /* the last character of the last line */
};

static bool note_line(const char *line, void *argument)
{
    struct lines *lines = argument;
    size_t length = strlen(line);

    lines->length[lines->count++ % 8] = length;
    lines->last = length > 0 ? line[length - 1] : '\0';
    return lines->count != lines->most;
}

static struct lines lines_of(const char *text, size_t size, unsigned most)
{
    struct lines lines = {.most = most};
    int file = file_with_bytes(text, size);
    char path[64];

    CHECK_INT(
        for_each_line(AT_FDCWD, proc_path(path, "/proc/self/fd/", file, ""), note_line, &lines), 0);
    close(file);
    return lines;
}

TEST("lines, and one that does not end")
{
    struct lines lines = lines_of("one\n\nthree\nfou", 14, 0);

    CHECK_INT(lines.count, 3);
    CHECK_INT(lines.length[0], 3);
    CHECK_INT(lines.length[1], 0);
    CHECK_INT(lines.length[2], 5);
}

TEST("reading ends when no more is wanted")
{
    CHECK_INT(lines_of("1\n2\n3\n", 6, 2).count, 2);
}

/* The groups of a process that is in 65,536 of them: a line of some hundred thousand characters. */
TEST("no line is cut")
{
    static const size_t lengths[] = {254, 255, 256, 257, 511, 512, 4095, 4096, 4097, 400000};
    static char text[400010];

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct lines lines;

        memset(text, '7', lengths[i]);
        strcpy(text + lengths[i] - 1, "9\nx\n");
        lines = lines_of(text, lengths[i] + 3, 1);
        CHECK_INT(lines.length[0], lengths[i]);
        CHECK_INT(lines.last, '9');
        lines = lines_of(text, lengths[i] + 3, 0);
        CHECK_INT(lines.count, 2);
        CHECK_INT(lines.length[1], 1);
    }
}

TEST("a file that is not there, and one that cannot be looked at")
{
    struct lines lines = {.most = 0};

    CHECK_INT(for_each_line(AT_FDCWD, "/proc/self/task/0/syscall", note_line, &lines), -1);
    CHECK(is_gone(errno));
    CHECK_INT(for_each_line(-1, "task", note_line, &lines), -1);
    CHECK(!is_gone(errno));
    CHECK(!is_gone(EACCES));
    CHECK(!is_gone(EMFILE));
}

TEST("names of descriptors and threads")
{
    static const char *const names[] = {
        "",   ".",   "..",          "-1",         "1x",
        "x1", " 1",  "1 ",          "2147483648", "99999999999999999999",
        "+1", "0x1", "2147483640 1"};

    CHECK_INT(parse_entry("0"), 0);
    CHECK_INT(parse_entry("17"), 17);
    CHECK_INT(parse_entry("4194304"), 4194304);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        CHECK_INT(parse_entry(names[i]), -1);
}

TEST("what an epoll set watches")
{
    struct epoll_watch watch;

    CHECK(parse_epoll_watch(
        "tfd:        5 events:       19 data:         7f00ffffffff  pos:0 ino:1c0f sdev:9",
        &watch));
    CHECK_INT(watch.fd, 5);
    CHECK_INT(watch.events, 0x19);
    CHECK_INT(watch.data, 0x7f00ffffffff);
    CHECK_INT(watch.inode, 0x1c0f);
    CHECK(parse_epoll_watch("tfd: 5 events: 80000019 data: ffffffffffffffff", &watch));
    CHECK_INT(watch.events, 0x80000019);
    CHECK(watch.data == UINT64_MAX);
    CHECK_INT(watch.inode, 0);
}

TEST("what is no watch of an epoll set")
{
    static const char *const lines[] = {
        "",
        "pos:\t0",
        "flags:\t02",
        "tfd:",
        "tfd: 5",
        "tfd: 5 events:",
        "tfd: 5 events: 19",
        "tfd: 5 events: 19 data:",
        "tfd: x events: 19 data: 1 pos:0 ino:1 sdev:9",
        "tfd: -5 events: 19 data: 1 pos:0 ino:1 sdev:9",
        "tfd: 4294967301 events: 19 data: 1 pos:0 ino:1 sdev:9",
        "Tfd: 5 events: 19 data: 1 pos:0 ino:1 sdev:9",
        " tfd: 5 events: 19 data: 1 pos:0 ino:1 sdev:9",
    };
    struct epoll_watch watch;

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        CHECK(!parse_epoll_watch(lines[i], &watch));
}

TEST("where a thread is")
{
    struct system_call call;

    CHECK(parse_system_call("running", &call));
    CHECK(call.running);
    CHECK(parse_system_call("-1 0x7ffd2f0a0 0x7f123", &call));
    CHECK(!call.running);
    CHECK_INT(call.number, -1);
    CHECK(parse_system_call("288 0x3 0x0 0x0 0x80000 0x0 0x0 0x7ffd2f0a0 0x7f123", &call));
    CHECK(!call.running);
    CHECK_INT(call.number, 288);
    CHECK_INT(call.descriptor, 3);
    CHECK(parse_system_call("0 0xffffffff00000005 0x0 0x0 0x0 0x0 0x0 0x1 0x2", &call));
    CHECK_INT(call.descriptor, 5);
}

TEST("what says nothing of a thread")
{
    static const char *const lines[] = {"",      " ",     "288",     "288 ",    "288 3",  "288 0x",
                                        "x 0x3", "-2 0x", "288 0x3", "288 0xg", "runnin", "-1"};
    struct system_call call;

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        CHECK(!parse_system_call(lines[i], &call));
}

/* This one, which is reading it. */
static bool is_read(const char *line, void *seen)
{
    struct system_call call;

    *(bool *)seen = parse_system_call(line, &call) && (call.running || call.number >= 0);
    return true;
}

TEST("the kernel's own text is understood")
{
    bool seen = false;

    CHECK_INT(for_each_line(AT_FDCWD, "/proc/thread-self/syscall", is_read, &seen), 0);
    CHECK(seen);
}
