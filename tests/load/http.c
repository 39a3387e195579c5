/*
 * HTTP/1.x, as much as it takes to know that an answer is whole: status 200, a body as long as
 * Content-Length says, or chunked, or up to the end of the connection.
 */
#include "load.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static char *requests[KINDS]; /* by kind of client */

/* Kept clients ask for the connection to stay; the others tell that it will not. */
static char *compose_request(enum kind kind)
{
    const char *target = options.request != NULL ? options.request : "/";
    const char *connection = kind == KEPT ? "keep-alive" : "close";
    bool is_ipv6 = strchr(options.host, ':') != NULL;
    char *request;

    if (asprintf(&request, "GET %s HTTP/1.1\r\nHost: %s%s%s:%d\r\nConnection: %s\r\n\r\n", target,
                 is_ipv6 ? "[" : "", options.host, is_ipv6 ? "]" : "", options.port,
                 connection) < 0)
        abort();
    return request;
}

static void ask_http(struct client *client)
{
    if (requests[client->kind] == NULL)
        requests[client->kind] = compose_request(client->kind);
    client->request = requests[client->kind];
    client->request_length = strlen(client->request);
    client->http = (struct http){.part = STATUS};
    client->answer[0] = '\0';
}

static enum verdict wrong(struct client *client, const char *why, const char *what)
{
    snprintf(client->answer, sizeof(client->answer), "%s%.60s", why, what);
    return WRONG;
}

/* ---- --expect, wherever the pieces of the answer happen to end (Knuth, Morris, Pratt) ---- */

static size_t fallback[MAX_EXPECT];

static size_t extend_match(size_t matched, char next)
{
    while (matched > 0 && options.expect[matched] != next)
        matched = fallback[matched - 1];
    return options.expect[matched] == next ? matched + 1 : 0;
}

static void check_http_options(void)
{
    for (size_t i = 1; i < options.expect_length; i++)
        fallback[i] = extend_match(fallback[i - 1], options.expect[i]);
}

static void look_for_expected(struct http *http, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length && http->expect_matched < options.expect_length; i++)
        http->expect_matched = extend_match(http->expect_matched, bytes[i]);
}

static enum verdict judge_whole_answer(struct client *client)
{
    if (client->http.expect_matched < options.expect_length)
        return wrong(client, "whole, but without: ", options.expect);
    return client->http.keeps_alive ? CORRECT : CORRECT_AND_LAST;
}

/* ---- lines: status, headers, chunk sizes, trailers ---- */

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static enum verdict take_status(struct client *client, const char *line)
{
    if (!starts_with(line, "HTTP/1.0 200") && !starts_with(line, "HTTP/1.1 200"))
        return wrong(client, "status line: ", line);
    client->http.keeps_alive = starts_with(line, "HTTP/1.1");
    client->http.part = HEADER;
    return UNFINISHED;
}

/* The value of a header, or NULL if the line is another one. */
static const char *header_value(const char *line, const char *name)
{
    size_t length = strlen(name);

    if (strncasecmp(line, name, length) != 0 || line[length] != ':')
        return NULL;
    return line + length + 1 + strspn(line + length + 1, " \t");
}

static enum verdict take_header(struct client *client, const char *line)
{
    struct http *http = &client->http;
    const char *value;

    if ((value = header_value(line, "Content-Length")) != NULL) {
        if (!isdigit((unsigned char)*value))
            return wrong(client, "header: ", line);
        http->has_length = true;
        http->left = strtoull(value, NULL, 10);
    } else if ((value = header_value(line, "Transfer-Encoding")) != NULL) {
        http->chunked = strcasecmp(value, "chunked") == 0;
    } else if ((value = header_value(line, "Connection")) != NULL) {
        if (strcasecmp(value, "close") == 0)
            http->keeps_alive = false;
        else if (strcasecmp(value, "keep-alive") == 0)
            http->keeps_alive = true;
    }
    return UNFINISHED;
}

/* The empty line after the headers: how the body is delimited, RFC 9112 6.3. */
static enum verdict end_headers(struct http *http)
{
    if (http->chunked) {
        http->part = CHUNK_SIZE;
    } else if (http->has_length) {
        http->part = http->left == 0 ? COMPLETE : BODY;
    } else {
        http->part = BODY_TO_END;
        http->keeps_alive = false;
    }
    return UNFINISHED;
}

static enum verdict take_chunk_size(struct client *client, const char *line)
{
    if (!isxdigit((unsigned char)*line))
        return wrong(client, "chunk size: ", line);
    client->http.left = strtoull(line, NULL, 16);
    client->http.part = client->http.left == 0 ? TRAILER : CHUNK_DATA;
    return UNFINISHED;
}

static enum verdict handle_line(struct client *client, const char *line)
{
    struct http *http = &client->http;

    switch (http->part) {
    case STATUS:
        return take_status(client, line);
    case HEADER:
        return *line == '\0' ? end_headers(http) : take_header(client, line);
    case CHUNK_SIZE:
        return take_chunk_size(client, line);
    case CHUNK_END:
        http->part = CHUNK_SIZE;
        return *line == '\0' ? UNFINISHED : wrong(client, "after a chunk: ", line);
    case TRAILER:
        if (*line == '\0')
            http->part = COMPLETE;
        return UNFINISHED;
    default:
        abort();
    }
}

/* ---- the parser: pieces of any length in, a verdict out ---- */

/* Takes bytes up to the end of a line; returns how many. The line is handled when whole. */
static size_t take_line_part(struct client *client, const char *bytes, size_t length,
                             enum verdict *verdict)
{
    struct http *http = &client->http;
    const char *newline = memchr(bytes, '\n', length);
    size_t taken = newline == NULL ? length : (size_t)(newline - bytes) + 1;

    look_for_expected(http, bytes, taken);
    if (http->line_length + taken >= sizeof(http->line)) {
        *verdict = wrong(client, "line too long", "");
        return taken;
    }
    memcpy(http->line + http->line_length, bytes, taken);
    http->line_length += taken;
    if (newline == NULL)
        return taken;
    http->line_length -= 1;
    if (http->line_length > 0 && http->line[http->line_length - 1] == '\r')
        http->line_length--;
    http->line[http->line_length] = '\0';
    http->line_length = 0;
    *verdict = handle_line(client, http->line);
    return taken;
}

/* Takes bytes of a body or a chunk; returns how many. */
static size_t take_data(struct http *http, const char *bytes, size_t length)
{
    if (http->part == BODY_TO_END) {
        look_for_expected(http, bytes, length);
        return length;
    }
    if (length > http->left)
        length = (size_t)http->left;
    look_for_expected(http, bytes, length);
    http->left -= length;
    if (http->left == 0)
        http->part = http->part == BODY ? COMPLETE : CHUNK_END;
    return length;
}

/* The body's first word is what the server says of itself. */
static size_t take_body(struct client *client, const char *bytes, size_t length)
{
    size_t taken = take_data(&client->http, bytes, length);

    if (client->said[0] == '\0')
        keep_said(client, bytes, taken);
    return taken;
}

static enum verdict take_http(struct client *client, const char *bytes, size_t length)
{
    struct http *http = &client->http;
    enum verdict verdict = UNFINISHED;

    while (length > 0 && verdict == UNFINISHED) {
        size_t taken;

        if (http->part == COMPLETE)
            return wrong(client, "more than Content-Length or the last chunk", "");
        if (http->part == BODY || http->part == BODY_TO_END || http->part == CHUNK_DATA)
            taken = take_body(client, bytes, length);
        else
            taken = take_line_part(client, bytes, length, &verdict);
        bytes += taken;
        length -= taken;
    }
    if (verdict == UNFINISHED && http->part == COMPLETE)
        return judge_whole_answer(client);
    return verdict;
}

static enum verdict end_http(struct client *client)
{
    return client->http.part == BODY_TO_END ? judge_whole_answer(client) : UNFINISHED;
}

const struct protocol http_protocol = {
    .name = "http",
    .check_options = check_http_options,
    .ask = ask_http,
    .take = take_http,
    .end = end_http,
};
