#include "carry.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"

struct carrier carrier_to(FILE *out)
{
    return (struct carrier){.out = out};
}

struct carrier carrier_from(const char *text, size_t size)
{
    return (struct carrier){.at = text, .end = text + size};
}

bool is_reading(const struct carrier *carrier)
{
    return !carrier->out;
}

bool has_fault(const struct carrier *carrier)
{
    return carrier->fault[0] != '\0';
}

void refuse_carried(struct carrier *carrier, const char *format, ...)
{
    va_list arguments;

    if (has_fault(carrier))
        return;
    va_start(arguments, format);
    vsnprintf(carrier->fault, sizeof carrier->fault, format, arguments);
    va_end(arguments);
}

void end_carried(struct carrier *carrier)
{
    if (carrier->at != carrier->end)
        refuse_carried(carrier, "there is more of it than expected");
}

void free_carrier(struct carrier *carrier)
{
    free(carrier->descriptors);
    carrier->descriptors = NULL;
    carrier->descriptor_count = 0;
}

/*
 * Take the next line, if it has this name. Its value is `*length` bytes at the pointer that is
 * returned, with a newline behind them; NULL, with a fault, if it is another line.
 */
static const char *take_line(struct carrier *carrier, const char *name, size_t *length)
{
    const char *start = carrier->at;
    size_t size = (size_t)(carrier->end - start);
    size_t head = strlen(name);
    const char *end = size > 0 ? memchr(start, '\n', size) : NULL;

    if (has_fault(carrier))
        return NULL;
    if (!end || (size_t)(end - start) <= head || memcmp(start, name, head) != 0 ||
        start[head] != '=') {
        refuse_carried(carrier, "%s is expected, and something else is there", name);
        return NULL;
    }
    carrier->at = end + 1;
    *length = (size_t)(end - start) - head - 1;
    return start + head + 1;
}

static void refuse_value(struct carrier *carrier, const char *name)
{
    refuse_carried(carrier, "the value of %s is none that it could have", name);
}

/* The decimal digits of a number as they are printed: no sign but -, nothing in front of them. */
static bool read_number(const char **at, const char *end, int64_t *number)
{
    bool negative = *at < end && **at == '-';
    const char *digits = *at + negative;
    const char *c = digits;
    uint64_t value = 0;
    uint64_t most = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;

    for (; c < end && *c >= '0' && *c <= '9'; c++) {
        if (value > (most - (uint64_t)(*c - '0')) / 10)
            return false;
        value = value * 10 + (uint64_t)(*c - '0');
    }
    if (c == digits || (*digits == '0' && (c > digits + 1 || negative)))
        return false;
    *number = negative ? (int64_t)(0 - value) : (int64_t)value;
    *at = c;
    return true;
}

static bool read_numbers(const char *at, const char *end, struct carried_number *numbers,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && (at == end || *at++ != ' '))
            return false;
        if (!read_number(&at, end, &numbers[i].value) || numbers[i].value < numbers[i].least ||
            numbers[i].value > numbers[i].most)
            return false;
    }
    return at == end;
}

void carry_row(struct carrier *carrier, const char *name, struct carried_number *numbers,
               size_t count)
{
    const char *value;
    size_t length;

    if (!is_reading(carrier)) {
        fprintf(carrier->out, "%s=", name);
        for (size_t i = 0; i < count; i++)
            fprintf(carrier->out, "%s%" PRId64, i > 0 ? " " : "", numbers[i].value);
        fputc('\n', carrier->out);
        return;
    }
    value = take_line(carrier, name, &length);
    if (value && !read_numbers(value, value + length, numbers, count))
        refuse_value(carrier, name);
}

int64_t carry_number(struct carrier *carrier, const char *name, int64_t value, int64_t least,
                     int64_t most)
{
    struct carried_number number = {value, least, most};

    carry_row(carrier, name, &number, 1);
    return has_fault(carrier) ? value : number.value;
}

bool carry_bool(struct carrier *carrier, const char *name, bool value)
{
    return carry_number(carrier, name, value, 0, 1) != 0;
}

int64_t carry_time(struct carrier *carrier, const char *name, int64_t value)
{
    return carry_number(carrier, name, value, 0, INT64_MAX);
}

size_t carry_count(struct carrier *carrier, const char *name, size_t count, size_t most)
{
    count = (size_t)carry_number(carrier, name, (int64_t)count, 0, (int64_t)most);
    return has_fault(carrier) ? 0 : count;
}

static bool is_named(const struct carrier *carrier, int fd)
{
    for (size_t i = 0; i < carrier->descriptor_count; i++)
        if (carrier->descriptors[i] == fd)
            return true;
    return false;
}

int carry_descriptor(struct carrier *carrier, const char *name, int fd, enum descriptor_need need)
{
    fd = (int)carry_number(carrier, name, fd, need == MAY_BE_NONE ? -1 : 0, INT32_MAX);
    if (has_fault(carrier) || fd == -1)
        return fd;
    if (fd <= STDERR_FILENO || is_named(carrier, fd)) {
        refuse_value(carrier, name);
        return fd;
    }
    carrier->descriptors = grow(carrier->descriptors, carrier->descriptor_count + 1, sizeof fd);
    carrier->descriptors[carrier->descriptor_count++] = fd;
    return fd;
}

/* Of a byte that stands for itself in a line. */
static bool is_plain(unsigned char byte)
{
    return byte > ' ' && byte != '%' && byte != 0x7f;
}

static int digit_value(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = digit ? strchr(digits, digit) : NULL;

    return found ? (int)(found - digits) : -1;
}

/* Two digits; -1 if they are none. */
static int read_byte(const char *at, const char *end)
{
    int high = end - at >= 2 ? digit_value(at[0]) : -1;
    int low = high >= 0 ? digit_value(at[1]) : -1;

    return low >= 0 ? high << 4 | low : -1;
}

static void write_text(struct carrier *carrier, const char *text)
{
    for (; *text; text++)
        fprintf(carrier->out, is_plain((unsigned char)*text) ? "%c" : "%%%02x",
                (unsigned char)*text);
}

/* A byte that stands for itself has no other way to be written. */
static bool read_text(const char *at, const char *end, char *text, size_t size)
{
    size_t used = 0;

    while (at < end && used + 1 < size) {
        int byte = (unsigned char)*at;

        if (byte == '%') {
            byte = read_byte(at + 1, end);
            if (byte < 1 || is_plain((unsigned char)byte))
                return false;
            at += 2;
        } else if (!is_plain((unsigned char)byte)) {
            return false;
        }
        text[used++] = (char)byte;
        at++;
    }
    text[used] = '\0';
    return at == end;
}

void carry_text(struct carrier *carrier, const char *name, char *text, size_t size)
{
    const char *value;
    size_t length;

    if (!is_reading(carrier)) {
        fprintf(carrier->out, "%s=", name);
        write_text(carrier, text);
        fputc('\n', carrier->out);
        return;
    }
    value = take_line(carrier, name, &length);
    if (value && !read_text(value, value + length, text, size))
        refuse_value(carrier, name);
}

void carry_bytes(struct carrier *carrier, const char *name, void *bytes, size_t size)
{
    unsigned char *byte = bytes;
    const char *value;
    size_t length;

    if (!is_reading(carrier)) {
        fprintf(carrier->out, "%s=", name);
        for (size_t i = 0; i < size; i++)
            fprintf(carrier->out, "%02x", byte[i]);
        fputc('\n', carrier->out);
        return;
    }
    value = take_line(carrier, name, &length);
    if (value && length != 2 * size)
        refuse_value(carrier, name);
    for (size_t i = 0; i < size && value && !has_fault(carrier); i++) {
        int read = read_byte(value + 2 * i, value + length);

        if (read < 0)
            refuse_value(carrier, name);
        else
            byte[i] = (unsigned char)read;
    }
}
