#include "json.h"

#include <stdio.h>
#include <string.h>

/* The escape of one byte, or the byte itself. */
static int escape(char byte, char escaped[8])
{
    static const char special[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *at = byte ? strchr(special, byte) : NULL;

    if (at)
        return snprintf(escaped, 8, "\\%c", letters[at - special]);
    if ((unsigned char)byte < 0x20)
        return snprintf(escaped, 8, "\\u%04x", (unsigned)(unsigned char)byte);
    escaped[0] = byte;
    return 1;
}

const char *json_string(const char *text, char *out, size_t size)
{
    size_t used = 0;

    out[used++] = '"';
    for (; *text; text++) {
        char escaped[8];
        size_t length = (size_t)escape(*text, escaped);

        if (used + length + 2 > size)
            break;
        memcpy(out + used, escaped, length);
        used += length;
    }
    out[used++] = '"';
    out[used] = '\0';
    return out;
}
