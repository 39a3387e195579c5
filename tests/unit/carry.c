/* The state as lines of text: helper/base/carry.c. */
#include "helper/base/carry.h"

#include "unit.h"

static char *text;
static size_t text_size;

/* What one call of a carry function writes. */
#define WRITTEN(call)                                                                              \
    do {                                                                                           \
        FILE *out = open_memstream(&text, &text_size);                                             \
        struct carrier writer = carrier_to(out);                                                   \
        (void)(call);                                                                              \
        fclose(out);                                                                               \
    } while (0)

static struct carrier reader(const char *from)
{
    return carrier_from(from, strlen(from));
}

static int64_t number_in(const char *from, bool *right)
{
    struct carrier carrier = reader(from);
    int64_t number = carry_number(&carrier, "n", -77, INT64_MIN, INT64_MAX);

    end_carried(&carrier);
    *right = !has_fault(&carrier);
    return number;
}

TEST("numbers, in the one way that they are written")
{
    static const int64_t numbers[] = {0, 1, -1, 9, 10, 4294967296, INT64_MAX, INT64_MIN};
    bool right;

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        WRITTEN(carry_number(&writer, "n", numbers[i], INT64_MIN, INT64_MAX));
        CHECK_INT(number_in(text, &right), numbers[i]);
        CHECK(right);
    }
    WRITTEN(carry_number(&writer, "n", INT64_MIN, INT64_MIN, INT64_MAX));
    CHECK_TEXT(text, "n=-9223372036854775808\n");
}

TEST("what is no number, or not written so")
{
    static const char *const texts[] = {"n=\n",
                                        "n=-\n",
                                        "n=+1\n",
                                        "n= 1\n",
                                        "n=1 \n",
                                        "n=01\n",
                                        "n=-0\n",
                                        "n=-01\n",
                                        "n=x\n",
                                        "n=1x\n",
                                        "n=1",
                                        "n1\n",
                                        "m=1\n",
                                        "nn=1\n",
                                        "",
                                        "\n",
                                        "n=1\n\n",
                                        "n=1\nn=",
                                        "=1\n",
                                        "n=0x1\n",
                                        "n=1\r\n",
                                        "n=9223372036854775808\n",
                                        "n=-9223372036854775809\n",
                                        "n=99999999999999999999999\n"};
    bool right;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        number_in(texts[i], &right);
        if (!CHECK(!right))
            printf("# taken: %s\n", texts[i]);
    }
}

TEST("bounds, and what is kept after a fault")
{
    struct carrier carrier = reader("a=5\nb=1\nc=2\n");

    CHECK_INT(carry_number(&carrier, "a", 1, 5, 5), 5);
    CHECK_INT(carry_number(&carrier, "b", 7, 2, 9), 7);
    CHECK_PART(carrier.fault, "the value of b");
    CHECK_INT(carry_number(&carrier, "c", 8, 0, 9), 8);
    CHECK_INT(carry_count(&carrier, "c", 8, 9), 0);
    CHECK_PART(carrier.fault, "the value of b");
}

TEST("texts with every byte")
{
    char all[256] = "";
    char read[256] = "";
    struct carrier carrier;

    for (int i = 1; i < 256; i++)
        all[i - 1] = (char)i;
    WRITTEN(carry_text(&writer, "t", all, sizeof all));
    CHECK(memchr(text, '\n', text_size) == text + text_size - 1);
    carrier = carrier_from(text, text_size);
    carry_text(&carrier, "t", read, sizeof read);
    end_carried(&carrier);
    CHECK_TEXT(carrier.fault, "");
    CHECK_TEXT(read, all);
}

TEST("texts that nobody has written so, or that are too long")
{
    static const char *const texts[] = {"t=a b\n", "t=%61\n", "t=%00\n",   "t=%0\n",      "t=%\n",
                                        "t=%2g\n", "t=%0A\n", "t=%\x7f\n", "t=12345678\n"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct carrier carrier = reader(texts[i]);
        char read[8];

        carry_text(&carrier, "t", read, sizeof read);
        if (!CHECK(has_fault(&carrier)))
            printf("# taken: %s\n", texts[i]);
    }
}

TEST("bytes, so many as there are to be")
{
    unsigned char bytes[3] = {0, 0x7f, 0xff};
    static const char *const wrong[] = {"b=007f\n",   "b=007fff0\n", "b=007fff00\n",
                                        "b=007FFF\n", "b=007ffg\n",  "b=\n"};
    unsigned char read[3];
    struct carrier carrier;

    WRITTEN(carry_bytes(&writer, "b", bytes, sizeof bytes));
    CHECK_TEXT(text, "b=007fff\n");
    carrier = reader(text);
    carry_bytes(&carrier, "b", read, sizeof read);
    CHECK(!has_fault(&carrier) && memcmp(read, bytes, sizeof bytes) == 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        carrier = reader(wrong[i]);
        carry_bytes(&carrier, "b", read, sizeof read);
        CHECK(has_fault(&carrier));
    }
}

TEST("descriptors: each once, and none of the standard streams")
{
    struct carrier carrier = reader("d=3\nd=7\nd=-1\nd=7\n");

    CHECK_INT(carry_descriptor(&carrier, "d", -1, IS_NEEDED), 3);
    CHECK_INT(carry_descriptor(&carrier, "d", -1, IS_NEEDED), 7);
    CHECK_INT(carry_descriptor(&carrier, "d", -1, MAY_BE_NONE), -1);
    CHECK(!has_fault(&carrier));
    CHECK_INT(carrier.descriptor_count, 2);
    carry_descriptor(&carrier, "d", -1, IS_NEEDED);
    CHECK(has_fault(&carrier));
    carrier = reader("d=-1\n");
    carry_descriptor(&carrier, "d", 5, IS_NEEDED);
    CHECK(has_fault(&carrier));
    carrier = reader("d=2\n");
    carry_descriptor(&carrier, "d", 5, MAY_BE_NONE);
    CHECK(has_fault(&carrier));
}

TEST("rows")
{
    struct carried_number row[] = {{1, 0, 9}, {-5, -9, 0}, {3, 3, 3}};
    static const char *const wrong[] = {"r=1 -5\n",    "r=1 -5 3 0\n", "r=1  -5 3\n",
                                        "r=1 -5 3 \n", "r=1 -5 4\n",   "r= 1 -5 3\n"};

    WRITTEN(carry_row(&writer, "r", row, 3));
    CHECK_TEXT(text, "r=1 -5 3\n");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct carrier carrier = reader(wrong[i]);

        carry_row(&carrier, "r", row, 3);
        CHECK(has_fault(&carrier));
    }
}
