/*
 * Protocols whose answer is known beforehand. `line` is that of the test servers, which send our
 * token back with their version and pid; `text` is any that answers a fixed request with a known
 * line, `bytes` one that has no lines. The greeting of a server that speaks first is here, too.
 */
#include "load.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void forget_answer(struct client *client)
{
    client->answer_length = 0;
    client->answer[0] = '\0';
}

/* Keeps the beginning of the answer, terminated. */
static void keep_answer(struct client *client, const char *bytes, size_t length)
{
    size_t room = sizeof(client->answer) - 1 - client->answer_length;

    if (length > room)
        length = room;
    memcpy(client->answer + client->answer_length, bytes, length);
    client->answer_length += length;
    client->answer[client->answer_length] = '\0';
}

static bool is_full(const struct client *client)
{
    return client->answer_length == sizeof(client->answer) - 1;
}

/* ---- line ---- */

static void ask_line(struct client *client)
{
    static uint64_t number;

    snprintf(client->token, sizeof(client->token), "%d-%" PRIx64, (int)getpid(), ++number);
    client->request_length = (size_t)snprintf(client->line_request, sizeof(client->line_request),
                                              "GET %s\n", client->token);
    client->request = client->line_request;
    forget_answer(client);
}

static bool is_word(const char *word, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!isgraph((unsigned char)word[i]))
            return false;
    }
    return length > 0 && length <= MAX_VERSION;
}

/* "<version> <pid> <token>\n", and not a byte more. */
static bool is_our_answer(struct client *client)
{
    const char *version = client->answer;
    const char *pid = strchr(version, ' ');
    size_t length = pid == NULL ? 0 : (size_t)(pid - version);
    char expected[sizeof(client->token) + 2];
    char *rest;
    long number;

    if (!is_word(version, length) || !isdigit((unsigned char)*++pid))
        return false;
    number = strtol(pid, &rest, 10);
    snprintf(expected, sizeof(expected), " %s\n", client->token);
    if (strcmp(rest, expected) != 0 || rest + strlen(rest) != version + client->answer_length)
        return false;
    note_server(version, length, number);
    keep_said(client, version, length);
    return true;
}

static enum verdict take_line(struct client *client, const char *bytes, size_t length)
{
    keep_answer(client, bytes, length);
    if (memchr(bytes, '\n', length) == NULL)
        return is_full(client) ? WRONG : UNFINISHED;
    return is_our_answer(client) ? CORRECT : WRONG;
}

static enum verdict end_line(struct client *client)
{
    (void)client;
    return UNFINISHED;
}

const struct protocol line_protocol = {
    .name = "line",
    .ask = ask_line,
    .take = take_line,
    .end = end_line,
};

/* ---- text and bytes ---- */

static void check_fixed_options(void)
{
    if (options.request == NULL || options.expect == NULL)
        die_usage("--protocol %s needs --request and --expect", options.protocol->name);
}

static void ask_fixed(struct client *client)
{
    client->request = options.request;
    client->request_length = options.request_length;
    forget_answer(client);
}

/* The answer may go on after what was expected, but has to begin with it. */
static enum verdict compare_beginning(const struct client *client, const char *expect,
                                      size_t expect_length)
{
    size_t compared = client->answer_length < expect_length ? client->answer_length : expect_length;

    if (memcmp(client->answer, expect, compared) != 0)
        return WRONG;
    return compared < expect_length ? UNFINISHED : CORRECT;
}

static enum verdict take_bytes(struct client *client, const char *bytes, size_t length)
{
    keep_answer(client, bytes, length);
    return compare_beginning(client, options.expect, options.expect_length);
}

/* Only a whole line is an answer. */
static enum verdict end_of_line(const struct client *client, enum verdict verdict)
{
    if (verdict == WRONG || memchr(client->answer, '\n', client->answer_length) != NULL)
        return verdict;
    return is_full(client) ? WRONG : UNFINISHED;
}

static enum verdict take_text(struct client *client, const char *bytes, size_t length)
{
    enum verdict verdict = end_of_line(client, take_bytes(client, bytes, length));

    if (verdict == CORRECT)
        keep_said(client, client->answer + options.expect_length,
                  client->answer_length - options.expect_length);
    return verdict;
}

const struct protocol text_protocol = {
    .name = "text",
    .check_options = check_fixed_options,
    .ask = ask_fixed,
    .take = take_text,
    .end = end_line,
    .says_more = true,
};

const struct protocol bytes_protocol = {
    .name = "bytes",
    .check_options = check_fixed_options,
    .ask = ask_fixed,
    .take = take_bytes,
    .end = end_line,
    .says_more = true,
};

/* ---- the greeting ---- */

void ask_for_greeting(struct client *client)
{
    client->request = options.hello;
    client->request_length = options.hello_length;
    forget_answer(client);
}

enum verdict take_greeting(struct client *client, const char *bytes, size_t length)
{
    enum verdict verdict;

    keep_answer(client, bytes, length);
    verdict = compare_beginning(client, options.greeting, options.greeting_length);
    return options.protocol == &bytes_protocol ? verdict : end_of_line(client, verdict);
}
