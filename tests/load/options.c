/*
 * The command line of the load client.
 */
#include "load.h"

#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct options options = {
    .host = "127.0.0.1",
    .kept_interval = 100 * MS_NS,
    .slow_time = 1500 * MS_NS,
    .duration = 10 * SECOND_NS,
    .timeout = 5 * SECOND_NS,
    .ready_fd = -1,
    .protocol = &line_protocol,
};

static const char usage[] =
    "usage: load (--port N [--host H] [--udp] | --path P) [options]\n"
    "\n"
    "  --clients N          closed-loop clients: connect, ask, verify, close, again\n"
    "                       (default 1 if none of the others is given)\n"
    "  --think MS           their pause between two exchanges (0)\n"
    "  --kept N             clients that keep their connection for many exchanges\n"
    "  --kept-interval MS   from one exchange to the next (100)\n"
    "  --kept-life S        after it the connection is closed and opened anew (0: never)\n"
    "  --slow N             clients that send half a request, pause, send the rest, close\n"
    "  --slow-time MS       that pause (1500)\n"
    "  --rate N             open loop: new connections a second, one exchange each\n"
    "  --duration S         stop after it, SIGINT and SIGTERM stop earlier (10)\n"
    "  --timeout S          for an exchange, connect included (5)\n"
    "  --protocol P         line (default), text (answers are lines), bytes or http\n"
    "  --request TEXT       text, bytes: what to send; http: the path (/)\n"
    "  --expect TEXT        text, bytes: how the answer begins; http: what it must contain\n"
    "  --greeting TEXT      how that begins which the server says first (nothing)\n"
    "  --hello TEXT         what to send first, to be greeted (nothing)\n"
    "  --ready-fd N         write a newline there after the first answer, and close it\n"
    "  --udp                each request and each answer is a datagram\n"
    "  --json               one line of JSON instead of a table\n"
    "  --events FILE        a line for each exchange: when it ended and how long it took, in\n"
    "                       microseconds (of CLOCK_MONOTONIC), ok or the failure, and a word of\n"
    "                       the answer: its version, http: the first, text: that after TEXT\n"
    "\n"
    "TEXT may use the escapes \\r \\n \\t \\\\ \\xHH. Exit status: 0 every answer was right,\n"
    "1 something failed, 2 usage, 3 no answer at all.\n";

enum code {
    HOST = 1,
    PORT,
    PATH,
    CLIENTS,
    THINK,
    KEPT_CLIENTS,
    KEPT_INTERVAL,
    KEPT_LIFE,
    SLOW_CLIENTS,
    SLOW_TIME,
    RATE_CLIENTS,
    DURATION,
    EXCHANGE_TIMEOUT,
    PROTOCOL,
    REQUEST,
    EXPECT,
    GREETING,
    HELLO,
    READY_FD,
    EVENTS,
    HELP,
};

static const struct option long_options[] = {
    {"host", required_argument, NULL, HOST},
    {"port", required_argument, NULL, PORT},
    {"path", required_argument, NULL, PATH},
    {"clients", required_argument, NULL, CLIENTS},
    {"think", required_argument, NULL, THINK},
    {"kept", required_argument, NULL, KEPT_CLIENTS},
    {"kept-interval", required_argument, NULL, KEPT_INTERVAL},
    {"kept-life", required_argument, NULL, KEPT_LIFE},
    {"slow", required_argument, NULL, SLOW_CLIENTS},
    {"slow-time", required_argument, NULL, SLOW_TIME},
    {"rate", required_argument, NULL, RATE_CLIENTS},
    {"duration", required_argument, NULL, DURATION},
    {"timeout", required_argument, NULL, EXCHANGE_TIMEOUT},
    {"protocol", required_argument, NULL, PROTOCOL},
    {"request", required_argument, NULL, REQUEST},
    {"expect", required_argument, NULL, EXPECT},
    {"greeting", required_argument, NULL, GREETING},
    {"hello", required_argument, NULL, HELLO},
    {"ready-fd", required_argument, NULL, READY_FD},
    {"events", required_argument, NULL, EVENTS},
    {"help", no_argument, NULL, HELP},
    {"json", no_argument, &options.json, 1},
    {"udp", no_argument, &options.udp, 1},
    {NULL, 0, NULL, 0},
};

void die_usage(const char *format, ...)
{
    char message[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    fprintf(stderr, "load: %s (see --help)\n", message);
    exit(2);
}

static int parse_count(const char *text, int max)
{
    char *end;
    long number = strtol(text, &end, 10);

    if (end == text || *end != '\0' || number < 0 || number > max)
        die_usage("'%s' is not a number from 0 to %d", text, max);
    return (int)number;
}

/* A time in units of `unit` nanoseconds, fractions allowed. */
static int64_t parse_time(const char *text, int64_t unit)
{
    char *end;
    double number = strtod(text, &end);

    if (end == text || *end != '\0' || !(number >= 0 && number <= 1e6))
        die_usage("'%s' is not a time", text);
    return (int64_t)(number * (double)unit);
}

static const struct protocol *parse_protocol(const char *name)
{
    static const struct protocol *const all[] = {&line_protocol, &text_protocol, &bytes_protocol,
                                                 &http_protocol};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (strcmp(name, all[i]->name) == 0)
            return all[i];
    }
    die_usage("--protocol: '%s' is none of line, text, bytes, http", name);
}

/* The byte an escape stands for; *text, behind the backslash, is moved past it. */
static char unescape_one(const char **text)
{
    char hex[3] = "";
    char letter = *(*text)++;

    switch (letter) {
    case 'r':
        return '\r';
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case '\\':
        return '\\';
    case 'x':
        if (strspn(*text, "0123456789abcdefABCDEF") < 2)
            break;
        memcpy(hex, *text, 2);
        *text += 2;
        return (char)strtol(hex, NULL, 16);
    default:
        break;
    }
    die_usage("escapes are \\r \\n \\t \\\\ and \\xHH");
}

static char *unescape(const char *text, size_t *length)
{
    char *result = malloc(strlen(text) + 1);
    size_t count = 0;

    if (result == NULL)
        abort();
    while (*text != '\0') {
        char byte = *text++;

        if (byte == '\\')
            byte = unescape_one(&text);
        result[count++] = byte;
    }
    result[count] = '\0';
    *length = count;
    return result;
}

static void apply_option(enum code code, const char *argument)
{
    switch (code) {
    case HOST:
        options.host = argument;
        break;
    case PORT:
        options.port = parse_count(argument, UINT16_MAX);
        break;
    case PATH:
        options.path = argument;
        break;
    case CLIENTS:
        options.clients = parse_count(argument, INT_MAX);
        break;
    case THINK:
        options.think = parse_time(argument, MS_NS);
        break;
    case KEPT_CLIENTS:
        options.kept = parse_count(argument, INT_MAX);
        break;
    case KEPT_INTERVAL:
        options.kept_interval = parse_time(argument, MS_NS);
        break;
    case KEPT_LIFE:
        options.kept_life = parse_time(argument, SECOND_NS);
        break;
    case SLOW_CLIENTS:
        options.slow = parse_count(argument, INT_MAX);
        break;
    case SLOW_TIME:
        options.slow_time = parse_time(argument, MS_NS);
        break;
    case RATE_CLIENTS:
        options.rate = parse_count(argument, 1000000);
        break;
    case DURATION:
        options.duration = parse_time(argument, SECOND_NS);
        break;
    case EXCHANGE_TIMEOUT:
        options.timeout = parse_time(argument, SECOND_NS);
        break;
    case PROTOCOL:
        options.protocol = parse_protocol(argument);
        break;
    case REQUEST:
        options.request = unescape(argument, &options.request_length);
        break;
    case EXPECT:
        options.expect = unescape(argument, &options.expect_length);
        break;
    case GREETING:
        options.greeting = unescape(argument, &options.greeting_length);
        break;
    case HELLO:
        options.hello = unescape(argument, &options.hello_length);
        break;
    case READY_FD:
        options.ready_fd = parse_count(argument, INT_MAX);
        break;
    case EVENTS:
        options.events = argument;
        break;
    case HELP:
        fputs(usage, stdout);
        exit(0);
    }
}

static void check_options(void)
{
    if ((options.port == 0) == (options.path == NULL))
        die_usage("either --port or --path");
    if (options.expect_length >= MAX_EXPECT || options.greeting_length >= MAX_EXPECT)
        die_usage("--expect or --greeting is longer than %d bytes", MAX_EXPECT - 1);
    if (options.hello != NULL && options.greeting == NULL)
        die_usage("--hello without --greeting");
    if (options.udp && (options.path != NULL || options.slow > 0))
        die_usage("--udp with neither --path nor --slow");
    if (options.clients + options.kept + options.slow + options.rate == 0)
        options.clients = 1;
    if (options.protocol->check_options != NULL)
        options.protocol->check_options();
}

void read_options(int argc, char **argv)
{
    int found;

    while ((found = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (found == '?')
            exit(2);
        if (found != 0) /* 0: getopt_long has set the flag itself */
            apply_option((enum code)found, optarg);
    }
    if (optind < argc)
        die_usage("unexpected argument '%s'", argv[optind]);
    check_options();
}
