/* Text of a stranger's choice, made harmless to a terminal. */
#include "helper/base/plain.h"

#include <string.h>

#include "unit.h"

static const char *plain(const char *text)
{
    static char copy[64];

    strcpy(copy, text);
    return make_plain(copy);
}

TEST("what is plain stays as it is")
{
    CHECK_TEXT(plain("ready after 41 ms, \xc3\xa4 \xe2\x82\xac \xc2\xa0"),
               "ready after 41 ms, \xc3\xa4 \xe2\x82\xac \xc2\xa0");
    CHECK_TEXT(plain(""), "");
}

TEST("control characters become ?, C1 and lines among them, and a tab a space")
{
    CHECK_TEXT(plain("a\x1b[31m\nb\tc\x7f"), "a?[31m?b c?");
    CHECK_TEXT(plain("a\xc2\x9b\x31m"), "a??1m");
}

TEST("what is no UTF-8 becomes ?, byte by byte")
{
    CHECK_TEXT(plain("a\xff\x9b\xe2\x82"), "a????");
}
