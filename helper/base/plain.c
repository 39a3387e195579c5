#include "plain.h"

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

size_t read_character(const char *text, bool *control)
{
    const unsigned char *byte = (const unsigned char *)text;
    size_t length = utf8_length(text);

    *control = (length == 1 && (byte[0] < 0x20 || byte[0] == 0x7f)) ||
               (length == 2 && byte[0] == 0xc2 && byte[1] < 0xa0);
    return length;
}

char *make_plain(char *text)
{
    char *at = text;

    while (*at) {
        bool control;
        size_t length = read_character(at, &control);

        for (size_t i = 0; control && i < length; i++)
            at[i] = at[i] == '\t' ? ' ' : '?';
        if (length == 0)
            *at = '?';
        at += length ? length : 1;
    }
    return text;
}
