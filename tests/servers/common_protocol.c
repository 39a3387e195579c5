/*
 * The protocol of all test servers, on bytes only: "GET <token>\n" is answered by
 * "<version> <pid> <token>\n", and anything else by "ERR\n". Who reads and writes is elsewhere.
 */
#include "common.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char verb[] = "GET ";

enum { VERB = sizeof(verb) - 1 };

static bool is_good_request(const char *line, size_t length)
{
    if (length <= VERB || length > VERB + MAX_WORD || memcmp(line, verb, VERB) != 0)
        return false;
    for (size_t i = VERB; i < length; i++) {
        if (!isgraph((unsigned char)line[i]))
            return false;
    }
    return true;
}

enum request take_request(struct inbox *inbox, char answer[MAX_ANSWER])
{
    const char *newline = memchr(inbox->bytes, '\n', inbox->length);
    size_t length;

    if (newline == NULL && inbox->length < sizeof(inbox->bytes))
        return NO_REQUEST_YET;
    length = newline == NULL ? 0 : (size_t)(newline - inbox->bytes);
    if (!is_good_request(inbox->bytes, length)) {
        snprintf(answer, MAX_ANSWER, "ERR\n");
        return BAD_REQUEST;
    }
    snprintf(answer, MAX_ANSWER, "%s %d %.*s\n", settings.version, (int)getpid(),
             (int)(length - VERB), inbox->bytes + VERB);
    inbox->length -= length + 1;
    memmove(inbox->bytes, newline + 1, inbox->length);
    return GOOD_REQUEST;
}
