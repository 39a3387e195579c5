#include "json.h"

#include <stdio.h>
#include <string.h>

/* How many bytes the character at `text` has in UTF-8 (RFC 3629); 0 if it is none. */
static size_t utf8_length(const char *text)
{
    const unsigned char *byte = (const unsigned char *)text;
    unsigned char least = 0x80; /* of the second byte: shorter forms exist, or surrogates */
    unsigned char most = 0xbf;
    size_t length = byte[0] < 0x80   ? 1
                    : byte[0] < 0xc2 ? 0
                    : byte[0] < 0xe0 ? 2
                    : byte[0] < 0xf0 ? 3
                                     : 4;

    if (byte[0] == 0xe0)
        least = 0xa0;
    else if (byte[0] == 0xed)
        most = 0x9f;
    else if (byte[0] == 0xf0)
        least = 0x90;
    else if (byte[0] == 0xf4)
        most = 0x8f;
    else if (byte[0] > 0xf4)
        return 0;
    if (length > 1 && (byte[1] < least || byte[1] > most))
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((byte[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

/* Write the character at *text, which is left behind, as it may stand in a string. */
static size_t escape(const char **text, char escaped[8])
{
    static const char special[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    size_t length = utf8_length(*text);
    const char *at = strchr(special, **text);
    unsigned byte = (unsigned char)**text;

    *text += length ? length : 1;
    if (length == 0)
        return (size_t)snprintf(escaped, 8, "\\ufffd");
    if (at)
        return (size_t)snprintf(escaped, 8, "\\%c", letters[at - special]);
    if (byte < 0x20)
        return (size_t)snprintf(escaped, 8, "\\u%04x", byte);
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
