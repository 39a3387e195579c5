/* What the texts in /proc say, good, cut and hostile: helper/kernel/proc_text.c. */
#include "helper/kernel/proc_text.h"

#include <limits.h>

#include <sys/socket.h>

#include "helper/kernel/unix_socket.h"
#include "unit.h"

/* The first bytes of a text, as if the kernel had been read no further. */
static const char *cut(const char *whole, size_t length, char *text)
{
    memcpy(text, whole, length);
    text[length] = '\0';
    return text;
}

#define NUMBERS " 17 120 119 34816 -1 4194560 1 2 3 4 5 6 -7 8 20 0 3 0 "

TEST("stat: pid, state, parent, group, session, threads and start")
{
    struct proc_stat stat;

    REQUIRE(parse_stat("4711 (server) S" NUMBERS "123456 1 2 3\n", &stat));
    CHECK_INT(stat.pid, 4711);
    CHECK_INT(stat.state, 'S');
    CHECK_INT(stat.parent, 17);
    CHECK_INT(stat.group, 120);
    CHECK_INT(stat.session, 119);
    CHECK(stat.executed);
    CHECK_INT(stat.threads, 3);
    CHECK_INT(stat.started, 123456);
    REQUIRE(parse_stat("1 (worker) S 1 1 1 0 -1 4194624 1 2 3 4 5 6 -7 8 20 0 3 0 9 1\n", &stat));
    CHECK(!stat.executed);
}

TEST("stat: a name of parentheses, digits, spaces and line ends")
{
    static const char *const names[] = {
        "", ")", "((", ") S 1 1 1 0 0 ", "a\n4712 (b) Z", "\n\n", ") ) )", "0 (x) R 1 2",
    };
    char text[256];
    struct proc_stat stat;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(text, sizeof text, "4711 (%s) R" NUMBERS "99\n", names[i]);
        REQUIRE(parse_stat(text, &stat));
        CHECK_INT(stat.pid, 4711);
        CHECK_INT(stat.state, 'R');
        CHECK_INT(stat.parent, 17);
        CHECK_INT(stat.started, 99);
    }
}

TEST("stat: cut anywhere, it is refused, and so is a number of which the end is not seen")
{
    static const char whole[] = "4711 (a) b) S" NUMBERS "123456 1";
    const size_t needed = strlen("4711 (a) b) S" NUMBERS "123456 ");
    struct proc_stat stat;
    char text[sizeof whole];

    for (size_t length = 0; length < needed; length++) {
        CHECK(!parse_stat(cut(whole, length, text), &stat));
    }
    CHECK(parse_stat(cut(whole, needed, text), &stat));
}

TEST("stat: a process that ends has no group and no session")
{
    struct proc_stat stat;

    REQUIRE(parse_stat("7 (x) X 0 -1 -1 0 -1 0 0 0 0 0 0 0 0 0 20 0 0 0 5 0\n", &stat));
    CHECK_INT(stat.group, 0);
    CHECK_INT(stat.session, 0);
    CHECK_INT(stat.parent, 0);
}

TEST("stat: what is no pid, no number or too large is refused")
{
    static const char *const wrong[] = {
        "",
        "x",
        "4711",
        "4711 (x",
        "4711 x) S" NUMBERS "1 ",
        "0 (x) S" NUMBERS "1 ",
        "-5 (x) S" NUMBERS "1 ",
        "4294967297 (x) S" NUMBERS "1 ",
        "4711 (x)S" NUMBERS "1 ",
        "4711 (x) " NUMBERS "1 ",
        "4711 (x) S 4294967296 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 1 0 1 ",
        "4711 (x) S 1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 1 0 99999999999999999999 ",
        "4711 (x) S 1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 1 0 0x10 ",
        "4711 (x) S 1  1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 1 0 10 ",
        "4711 (x) S one 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 1 0 10 ",
    };
    struct proc_stat stat;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(!parse_stat(wrong[i], &stat));
}

#define STATUS(name, more)                                                                         \
    "Name:\t" name "\nState:\tS (sleeping)\nUid:\t1000\t1001\t1002\t1003\n" more                   \
    "SigPnd:\t0000000000000000\nSigBlk:\t0000000000010000\nSigCgt:\tfffffffe00400000\n"

TEST("status: uids, masks and the filters of seccomp")
{
    struct proc_status status;

    REQUIRE(parse_status(STATUS("x", "") "Seccomp:\t2\nSeccomp_filters:\t3\n", &status));
    CHECK_INT(status.state, 'S');
    CHECK_INT(status.real, 1000);
    CHECK_INT(status.effective, 1001);
    CHECK_INT(status.saved, 1002);
    CHECK(status.blocked == 0x10000);
    CHECK(status.caught == 0xfffffffe00400000);
    CHECK_INT(status.filters, 3);
    REQUIRE(parse_status(STATUS("x", "") "Seccomp:\t2\n", &status)); /* before Linux 5.9 */
    CHECK_INT(status.filters, 2);
    REQUIRE(parse_status(STATUS("x", "") "Seccomp:\t1\n", &status));
    CHECK(status.filters == UINT_MAX);
    REQUIRE(parse_status(STATUS("x", ""), &status));
    CHECK_INT(status.filters, 0);
}

TEST("status: a label counts only at the beginning of its line")
{
    struct proc_status status;

    REQUIRE(parse_status(STATUS("Uid:\\nUid:\t0\t0\t0\t0", "Groups:\tSigCgt:\t0 \n"), &status));
    CHECK_INT(status.real, 1000);
    CHECK(status.caught == 0xfffffffe00400000);
}

TEST("status: a list of thousands of groups does not hide what follows")
{
    static char text[64 * 1024];
    struct proc_status status;
    size_t used = (size_t)snprintf(text, sizeof text, "State:\tS\nUid:\t0\t0\t0\t0\nGroups:\t");

    for (int i = 0; i < 6000; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%d ", 100000 + i);
    snprintf(text + used, sizeof text - used, "\nSigPnd:\t0\nSigBlk:\t0\nSigCgt:\t400000\n");
    REQUIRE(parse_status(text, &status));
    CHECK(status.caught == 0x400000);
}

TEST("status: cut anywhere, it is refused")
{
    static const char whole[] = STATUS("x", "Groups:\t1 2 3 \n");
    struct proc_status status;
    char text[sizeof whole];

    for (size_t length = 0; length < sizeof whole - 1; length++) {
        CHECK(!parse_status(cut(whole, length, text), &status));
    }
    CHECK(parse_status(whole, &status));
}

TEST("children: each pid whole, and none that is cut")
{
    const char *at = "12 345 6789 ";
    pid_t child;

    REQUIRE(next_child(&at, &child));
    CHECK_INT(child, 12);
    REQUIRE(next_child(&at, &child));
    CHECK_INT(child, 345);
    REQUIRE(next_child(&at, &child));
    CHECK_INT(child, 6789);
    CHECK(!next_child(&at, &child));
    at = "12 34";
    CHECK(next_child(&at, &child));
    CHECK(!next_child(&at, &child)); /* it may be 345, and 34 is somebody else */
}

TEST("children: what is no pid ends the list")
{
    static const char *const wrong[] = {"", " ", "-1 ", "0 ", "x ", "99999999999 ", "\n"};
    pid_t child;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *at = wrong[i];

        CHECK(!next_child(&at, &child));
    }
}

static const char *variable(const char *text, size_t size)
{
    const char *value = find_variable(text, size, "NAME");

    return value ? value : "(none)";
}

TEST("environ: the variable of that name, and nothing behind the end")
{
    static const char text[] = "A=1\0NAMES=2\0XNAME=3\0NAME\0NAME=value\0NAME=second";

    CHECK_TEXT(variable(text, sizeof text - 1), "value");
    CHECK_TEXT(variable(text, 20), "(none)");
    CHECK_TEXT(variable("NAME=", 5), "");
    CHECK_TEXT(variable("", 0), "(none)");
    CHECK_TEXT(variable("\0\0\0NAME=x", 9), "x");
    CHECK_TEXT(variable("a title\nNAME=x", 14), "(none)");
}

TEST("syscall: its number and its first argument")
{
    struct thread_call call;

    REQUIRE(parse_syscall("45 0x3 0x7ffd1000 0x400 0x0 0x0 0x0 0x7ffd 0x7f00\n", &call));
    CHECK(!call.running && call.number == 45 && call.first_argument == 3);
    REQUIRE(parse_syscall("232 0xffffffffffffffff 0x0\n", &call));
    CHECK(call.first_argument == ULONG_MAX);
    REQUIRE(parse_syscall("running\n", &call));
    CHECK(call.running && call.number == -1);
    REQUIRE(parse_syscall("-1 0x7ffd 0x7f00\n", &call));
    CHECK(!call.running && call.number == -1);
}

TEST("syscall: what is cut or no call is refused")
{
    static const char *const wrong[] = {"",       "45",      "45 ",
                                        "45 0x",  "45 0x3",  "-2 0x1 ",
                                        "x 0x1 ", "45 3 4 ", "45 0x1ffffffffffffffff "};
    struct thread_call call;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(!parse_syscall(wrong[i], &call));
}

TEST("links: a socket's, and no other")
{
    static const char *const wrong[] = {
        "",
        "socket:[",
        "socket:[]",
        "socket:[12",
        "socket:[12]x",
        "socket:[12] (deleted)",
        "/tmp/socket:[12]",
        "pipe:[12]",
        "socket:[-1]",
        "socket:[99999999999999999999]",
    };
    unsigned long long inode = 0;

    CHECK(parse_socket_link("socket:[18446744073709551615]", &inode) && inode == ULLONG_MAX);
    CHECK(parse_socket_link("socket:[4711]", &inode) && inode == 4711);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(!parse_socket_link(wrong[i], &inode));
}

TEST("fdinfo: the number in the line with that label")
{
    uint64_t value = 0;

    CHECK(parse_field("pos:\t0\nPid:\t4711\n", "Pid:", 10, &value) && value == 4711);
    CHECK(!parse_field("pos:\t0\nPid:\t-1\n", "Pid:", 10, &value));
    CHECK(!parse_field("pos:\t0\nNSPid:\t5\n", "Pid:", 10, &value));
    CHECK(!parse_field("pos:\t0\nPid:\t47", "Pid:", 10, &value));
    CHECK(!parse_field("", "Pid:", 10, &value));
}

TEST("texts of noise: nothing is read behind their end")
{
    struct proc_stat stat;
    struct proc_status status;
    struct thread_call call;
    uint64_t value;
    unsigned long long inode;
    pid_t child;

    for (int i = 0; i < 20000; i++) {
        static const char alphabet[] = "0123456789 ()\n\tSZxUid:SigBlkCgt-[]socket";
        size_t length = (size_t)unit_random() % 80;
        char *text = malloc(length + 1); /* of just that size, for the sanitizers */
        const char *at = text;

        REQUIRE(text);
        for (size_t k = 0; k < length; k++)
            text[k] = alphabet[(size_t)unit_random() % (sizeof alphabet - 1)];
        text[length] = '\0';
        parse_stat(text, &stat);
        parse_status(text, &status);
        parse_syscall(text, &call);
        parse_field(text, "Uid:", 10, &value);
        parse_socket_link(text, &inode);
        find_variable(text, length, "S");
        while (next_child(&at, &child))
            CHECK(child > 0);
        free(text);
    }
}

TEST("a line of /proc/net/unix")
{
    struct unix_socket socket;

    CHECK(parse_unix_socket("00000000a4: 0000000A 00000000 00010000 0001 01 4711 /run/x y\n",
                            &socket));
    CHECK_INT(socket.inode, 4711);
    CHECK_INT(socket.type, SOCK_STREAM);
    CHECK(socket.listens);
    CHECK_INT(socket.name_length, 8);
    CHECK(memcmp(socket.name, "/run/x y", 8) == 0);
    CHECK(parse_unix_socket("00000000a4: 00000003 00000000 00000000 0005 03  1588\n", &socket));
    CHECK_INT(socket.inode, 1588);
    CHECK_INT(socket.type, SOCK_SEQPACKET);
    CHECK(!socket.listens);
    CHECK_INT(socket.name_length, 0);
    CHECK(parse_unix_socket("a4: 00000003 00000000 00000000 0005 03 1588 @name\n", &socket));
    CHECK(socket.name_length == 5 && memcmp(socket.name, "\0name", 5) == 0);
}

TEST("a line that is none of /proc/net/unix")
{
    static const char *const lines[] = {"",
                                        "\n",
                                        ":",
                                        "Num       RefCount Protocol Flags    Type St Inode Path\n",
                                        "a4: 00000003 00000000 00000000 0005 03",
                                        "a4: 00000003 00000000 00000000 0005 03 \n",
                                        "a4: 00000003 00000000 00000000 0005 03 99999999999\n",
                                        "a4: 00000003 00000000 100000000 0005 03 1\n",
                                        "a4: 00000003 0 0 0005 03 1x /x\n"};
    struct unix_socket socket;

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!CHECK(!parse_unix_socket(lines[i], &socket)))
            printf("# %s\n", lines[i]);
}
