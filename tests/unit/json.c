/* Text as a JSON string: helper/base/json.c. */
#include "helper/base/json.h"

#include "unit.h"

static const char *quoted(const char *text)
{
    static char out[256];

    return json_string(text, out, sizeof out);
}

TEST("plain text gets its quotes")
{
    CHECK_TEXT(quoted("ready after 41 ms"), "\"ready after 41 ms\"");
    CHECK_TEXT(quoted(""), "\"\"");
}

TEST("what RFC 8259 does not allow in a string is escaped")
{
    CHECK_TEXT(quoted("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"");
    CHECK_TEXT(quoted("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"");
    CHECK_TEXT(quoted("\x01\x1b\x1f"), "\"\\u0001\\u001b\\u001f\"");
}

TEST("what a terminal would obey is escaped as well, C1 of it")
{
    CHECK_TEXT(quoted("\x7f"), "\"\\u007f\"");
    CHECK_TEXT(quoted("\xc2\x80 \xc2\x9f"), "\"\\u0080 \\u009f\"");
}

TEST("UTF-8 stays, up to the last character there is")
{
    CHECK_TEXT(quoted("ä€𝄞"), "\"ä€𝄞\"");
    CHECK_TEXT(quoted("\xc2\xa0 \xdf\xbf"), "\"\xc2\xa0 \xdf\xbf\"");
    CHECK_TEXT(quoted("\xe0\xa0\x80 \xed\x9f\xbf"), "\"\xe0\xa0\x80 \xed\x9f\xbf\"");
    CHECK_TEXT(quoted("\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf"),
               "\"\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf\"");
}

TEST("each byte that is no UTF-8 becomes U+FFFD")
{
    CHECK_TEXT(quoted("a\xff"
                      "b"),
               "\"a\\ufffdb\"");
    CHECK_TEXT(quoted("\xc0\xaf"), "\"\\ufffd\\ufffd\"");            /* a long form of / */
    CHECK_TEXT(quoted("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\""); /* a surrogate */
    CHECK_TEXT(quoted("\xf4\x90\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\""); /* U+110000 */
}

TEST("a character that ends with the text is not read on behind it")
{
    CHECK_TEXT(quoted("\xe2\x82"), "\"\\ufffd\\ufffd\"");
    CHECK_TEXT(quoted("\xf0\x9d\x84"), "\"\\ufffd\\ufffd\\ufffd\"");
}

TEST("what does not fit is left out, and the string still ends")
{
    char out[9];

    for (size_t size = 3; size <= sizeof out; size++) {
        size_t length;

        memset(out, 'X', sizeof out);
        json_string("€\"\n€€", out, size);
        length = strlen(out);
        CHECK(length < size);
        CHECK(length >= 2 && out[0] == '"' && out[length - 1] == '"');
        /* an escape is whole or not there */
        CHECK(length < 3 || out[length - 2] != '\\' || out[length - 3] == '\\');
    }
    json_string("\"\"", out, 6);
    CHECK_TEXT(out, "\"\\\"\"");
}
