/* What a server's notice says: helper/outside/notice_text.c. */
#include "helper/outside/notice_text.h"

#include "unit.h"

static struct notice_told told;

/* What is passed on. */
static const char *passed_on(const char *notice, bool has_been_ready)
{
    static char out[NOTICE_SIZE + 1];
    char text[NOTICE_SIZE];

    snprintf(text, sizeof text, "%s", notice);
    told = read_notice(text, has_been_ready, out);
    out[told.size] = '\0';
    return out;
}

TEST("what sd_notify(3) knows is passed on, and nothing that is ours")
{
    CHECK_TEXT(passed_on("STATUS=a b\nERRNO=2\nWATCHDOG=1", true),
               "STATUS=a b\nERRNO=2\nWATCHDOG=1");
    CHECK_TEXT(passed_on("MAINPID=1\nSTATUS=x\nMAINPIDFD=1\n", true), "STATUS=x");
    CHECK_TEXT(passed_on("WATCHDOG=trigger\nNOTIFYACCESS=all\nBARRIER=1", true), "");
    CHECK_TEXT(passed_on("ERRNO=\nERRNO=x\nERRNO=1x\nSTATUS", true), "");
    CHECK_TEXT(passed_on("", true), "");
    CHECK_TEXT(passed_on("\n\n\n", true), "");
}

TEST("the first READY=1 is for the helper alone")
{
    CHECK_TEXT(passed_on("READY=1\nSTATUS=x", false), "STATUS=x");
    CHECK(told.ready);
    CHECK_TEXT(passed_on("READY=1\nREADY=1", true), "READY=1\nREADY=1");
    CHECK(told.ready);
    CHECK_TEXT(passed_on("READY=10\nREADY=0\n READY=1", false), "");
    CHECK(!told.ready);
}

TEST("a terminal would obey nothing of it")
{
    CHECK_TEXT(passed_on("STATUS=\033]0;x\007\t\xc2\x9b\xff", true), "STATUS=?]0;x? ???");
}

TEST("an extension, however long")
{
    passed_on("EXTEND_TIMEOUT_USEC=2000000", true);
    CHECK(told.extends);
    CHECK_INT(told.extension, 2000000000);
    passed_on("EXTEND_TIMEOUT_USEC=99999999999999999999999999", true);
    CHECK(told.extends);
    CHECK(told.extension > 1000000000 && told.extension <= INT64_MAX / 2);
    CHECK_TEXT(passed_on("EXTEND_TIMEOUT_USEC=-1\nEXTEND_TIMEOUT_USEC=1x", true), "");
    CHECK(!told.extends);
}

TEST("the longest notice, and one of lines only")
{
    char text[NOTICE_SIZE];

    snprintf(text, sizeof text, "STATUS=%0*d", NOTICE_SIZE - 8, 0);
    CHECK_INT(strlen(passed_on(text, true)), NOTICE_SIZE - 1);
    for (int i = 0; i + 8 < NOTICE_SIZE; i += 8)
        memcpy(text + i, "READY=1\n", 9);
    CHECK_INT(strlen(passed_on(text, true)), (NOTICE_SIZE / 8 - 1) * 8 - 1);
}

TEST("FDSTORE=1 is what has descriptors kept")
{
    passed_on("FDSTORE=1\nFDNAME=x", true);
    CHECK(told.stores);
    passed_on("FDSTORE=0\nFDSTORE", true);
    CHECK(!told.stores);
}
