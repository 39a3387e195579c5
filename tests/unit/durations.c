/* Times: what is read from a setting, and what is written for a person. */
#include "helper/base/clock.h"
#include "helper/settings/setting_values.h"
#include "unit.h"

/* The nanoseconds of `text`, or -1 where it is refused. */
static int64_t seconds_in(const char *text)
{
    int64_t value = -1;
    bool taken = read_timeout(text, &value);

    CHECK_INT(taken, value != -1);
    return value;
}

TEST("seconds, with a fraction or without")
{
    CHECK_INT(seconds_in("0"), 0);
    CHECK_INT(seconds_in("30"), 30 * SECOND);
    CHECK_INT(seconds_in("0.25"), SECOND / 4);
    CHECK_INT(seconds_in("1e3"), 1000 * SECOND);
    CHECK_INT(seconds_in("1000000000"), 1000000000 * SECOND);
}

TEST("what is no time leaves the value as it was")
{
    static const char *const texts[] = {"",      " ",          "x",   "1s",  "5 ",
                                        "-1",    "-0.001",     "nan", "inf", "1e10",
                                        "1e999", "1000000001", "0x",  "1,5", "."};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!CHECK_INT(seconds_in(texts[i]), -1))
            printf("# the text was \"%s\"\n", texts[i]);
}

TEST("a timeout that must be longer than nothing")
{
    int64_t value = 7;

    CHECK(!read_long_timeout("0", &value));
    CHECK(!read_long_timeout("1e-12", &value));
    CHECK_INT(value, 7);
    CHECK(read_long_timeout("0.001", &value));
    CHECK_INT(value, MILLISECOND);
}

TEST("a timeout is printed as it is read")
{
    static const char *const texts[] = {"0", "30", "0.25", "1.5", "100000", "1e+09"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char printed[VALUE_TEXT];
        int64_t value;

        REQUIRE(CHECK(read_timeout(texts[i], &value)));
        print_timeout(printed, &value);
        CHECK_TEXT(printed, texts[i]);
    }
}

TEST("a duration for a person: milliseconds, then tenths, then seconds")
{
    CHECK_TEXT(duration_text(0), "0 ms");
    CHECK_TEXT(duration_text(41 * MILLISECOND), "41 ms");
    CHECK_TEXT(duration_text(SECOND - 1), "999 ms");
    CHECK_TEXT(duration_text(SECOND), "1.0 s");
    CHECK_TEXT(duration_text(4200 * MILLISECOND), "4.2 s");
    CHECK_TEXT(duration_text(10 * SECOND), "10 s");
    CHECK_TEXT(duration_text(3600 * SECOND), "3600 s");
}

TEST("four durations are valid at a time")
{
    const char *first = duration_text(SECOND);

    duration_text(2 * SECOND);
    duration_text(3 * SECOND);
    CHECK_TEXT(duration_text(4 * SECOND), "4.0 s");
    CHECK_TEXT(first, "1.0 s");
}
