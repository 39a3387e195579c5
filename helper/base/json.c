#include "json.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "plain.h"

/* Write the character at *text, which is left behind, as it may stand in a string. */
static size_t escape(const char **text, char escaped[8])
{
    static const char special[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    bool control;
    size_t length = read_character(*text, &control);
    const char *at = strchr(special, **text);
    /* of two bytes, those of C1 alone: the second has the number */
    unsigned number = (unsigned char)(*text)[length == 2];

    *text += length ? length : 1;
    if (length == 0)
        return (size_t)snprintf(escaped, 8, "\\ufffd");
    if (at)
        return (size_t)snprintf(escaped, 8, "\\%c", letters[at - special]);
    if (control)
        return (size_t)snprintf(escaped, 8, "\\u%04x", number);
    memcpy(escaped, *text - length, length);
    return length;
}

const char *json_string(const char *text, char *out, size_t size)
{
    size_t used = 0;

    out[used++] = '"';
    while (*text) {
        char escaped[8];
        size_t length = escape(&text, escaped);

        if (used + length + 2 > size)
            break;
        memcpy(out + used, escaped, length);
        used += length;
    }
    out[used++] = '"';
    out[used] = '\0';
    return out;
}
