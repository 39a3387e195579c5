/* The variable by which a process knows its session: TFPRELOAD_SESSION, which anybody may set. */
#include "preload/join.h"
#include "unit.h"

#define NAME "0123456789abcdef0123456789abcdef"
#define SECRET "ff00112233445566778899aabbccddee"

TEST("what the helper writes")
{
    struct session parsed = {.active = false};
    char text[128];

    snprintf(text, sizeof text, SESSION_FORMAT, PROTOCOL_VERSION, NAME, 3u, 4711, 1, 4710,
             4294967294u, SECRET);
    REQUIRE(CHECK(parse_session(text, &parsed)));
    CHECK_TEXT(parsed.name, NAME);
    CHECK_INT(parsed.generation, 3);
    CHECK_INT(parsed.helper, 4711);
    CHECK_INT(parsed.upgrade_signal, 1);
    CHECK_INT(parsed.opener, 4710);
    CHECK(parsed.opener_uid == 4294967294u);
    CHECK_INT(parsed.secret[0], 0xff);
    CHECK_INT(parsed.secret[1], 0);
    CHECK_INT(parsed.secret[SECRET_LENGTH - 1], 0xee);
    CHECK(!parsed.active);
}

static bool parses(int version, struct session *parsed)
{
    char text[128];

    snprintf(text, sizeof text, SESSION_FORMAT, version, NAME, 3u, 4711, 1, 4710, 0u, SECRET);
    return parse_session(text, parsed);
}

TEST("that of a newer helper, and of an older one: the version that both know is spoken")
{
    struct session parsed = {.active = false};

    CHECK(parses(PROTOCOL_VERSION, &parsed));
    CHECK_INT(parsed.version, PROTOCOL_VERSION);
    CHECK(parses(PROTOCOL_VERSION + 1, &parsed));
    CHECK_INT(parsed.version, PROTOCOL_VERSION);
    CHECK(parses(65535, &parsed));
    CHECK_INT(parsed.version, PROTOCOL_VERSION);
    CHECK(parses(1, &parsed));
    CHECK_INT(parsed.version, 1);
    CHECK(!parses(0, &parsed));
    CHECK(!parses(65536, &parsed));
    CHECK(!parses(-1, &parsed));
}

TEST("what nobody writes")
{
    static const char *const values[] = {
        "",
        "/",
        "//////",
        "VERSION",
        "VERSION/",
        "VERSION/" NAME,
        "VERSION/" NAME "/",
        "VERSION/" NAME "/3",
        "VERSION/" NAME "/3/4711/1",
        "VERSION/" NAME "/3/4711/1/4710",
        "VERSION/" NAME "/3/4711/1/4710/",
        "VERSION/" NAME "/0/4711/1/4710/0/" SECRET,
        "VERSION/" NAME "/3/0/1/4710/0/" SECRET,
        "VERSION/" NAME "/3/4711/0/4710/0/" SECRET,
        "VERSION/" NAME "/3/4711/65/4710/0/" SECRET,
        "VERSION/" NAME "/3/4711/1/0/0/" SECRET,
        "VERSION/" NAME "/3/4711/1/4710/0x/" SECRET,
        "VERSION/" NAME "/3/4711/1/4710/0 /" SECRET,
        "VERSION/" NAME "/3/4711/1/4710/0",
        "VERSION/" NAME "/3/4711/1/4710/0/",
        "VERSION/" NAME "/3/4711/1/4710/0" SECRET,
        "VERSION/" NAME "/3/4711/1/4710/0/" SECRET "/",
        "VERSION/" NAME "/3/4711/1/4710/0/" SECRET "0",
        "VERSION/" NAME "/3/4711/1/4710/0/0" SECRET,
        "VERSION/" NAME "/3/4711/1/4710/0/FF00112233445566778899aabbccddee",
        "VERSION/" NAME "/3/4711/1/4710/0/ff00112233445566778899aabbccdde",
        "VERSION/" NAME "/3/4711/1/4710/0/1",
        "VERSION/" NAME "/-3/4711/1/4710/0/" SECRET,
        "VERSION/" NAME "/+3/4711/1/4710/0/" SECRET,
        "VERSION/" NAME "/ 3/4711/1/4710/0/" SECRET,
        "VERSION/" NAME "/3//1/4710/0/" SECRET,
        "VERSION/" NAME "/x/4711/1/4710/0/" SECRET,
        "VERSION/" NAME "0/3/4711/1/4710/0/" SECRET,
        "VERSION/0123/3/4711/1/4710/0/" SECRET,
        "VERSION/0123456789ABCDEF0123456789abcdef/3/4711/1/4710/0/" SECRET,
        "VERSION/" NAME "/4294967299/4711/1/4710/0/" SECRET,
        "VERSION/" NAME "/3/4294967297/1/4710/0/" SECRET,
        "VERSION/" NAME "/3/4711/18446744073709551617/4710/0/" SECRET,
        "VERSION/" NAME "/3/4711/1/18446744073709551617/0/" SECRET,
        "VERSION/" NAME "/3/4711/1/4710/4294967296/" SECRET,
        "VERSION/" NAME "/3/4711/1/4710/18446744073709551616/" SECRET,
        "0/" NAME "/3/4711/1/4710/0/" SECRET,
        "x/" NAME "/3/4711/1/4710/0/" SECRET,
        "/" NAME "/3/4711/1/4710/0/" SECRET,
    };
    static const char mark[] = "VERSION";
    char text[256];

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct session parsed = {.active = false};
        bool current = strncmp(values[i], mark, sizeof mark - 1) == 0;

        if (current)
            snprintf(text, sizeof text, "%d%s", PROTOCOL_VERSION, values[i] + sizeof mark - 1);
        else
            snprintf(text, sizeof text, "%s", values[i]);
        if (!CHECK(!parse_session(text, &parsed)))
            printf("# taken: %s\n", text);
    }
}
