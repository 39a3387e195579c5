/*
 * The options of all test servers, as one table. --options-file holds further options, read
 * after the command line, so that a test can change how the next start will behave.
 */
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

struct settings settings = {
    .version = "1",
    .exit_at_start = -1,
    .exit_after_listen = -1,
    .backlog = 128,
    .workers = 4,
    .nonblock = AS_THE_SERVER_LIKES,
};

enum code {
    PORT = 1,
    LISTEN,
    VERSION,
    VERSION_FILE,
    OPTIONS_FILE,
    PIDFILE,
    START_WHEN,
    ACCEPT_WHEN,
    START_DELAY,
    LISTEN_DELAY,
    SERVICE_TIME,
    ACCEPT_DELAY,
    EXIT,
    EXIT_AFTER_LISTEN,
    TERM_STATUS,
    BACKLOG,
    WORKERS,
    CHROOT,
    USER,
    UNIX,
};

static const struct option options[] = {
    {"port", required_argument, NULL, PORT},
    {"listen", required_argument, NULL, LISTEN},
    {"version", required_argument, NULL, VERSION},
    {"version-file", required_argument, NULL, VERSION_FILE},
    {"options-file", required_argument, NULL, OPTIONS_FILE},
    {"pidfile", required_argument, NULL, PIDFILE},
    {"start-when", required_argument, NULL, START_WHEN},
    {"accept-when", required_argument, NULL, ACCEPT_WHEN},
    {"start-delay", required_argument, NULL, START_DELAY},
    {"listen-delay", required_argument, NULL, LISTEN_DELAY},
    {"service-time", required_argument, NULL, SERVICE_TIME},
    {"accept-delay", required_argument, NULL, ACCEPT_DELAY},
    {"exit", required_argument, NULL, EXIT},
    {"exit-after-listen", required_argument, NULL, EXIT_AFTER_LISTEN},
    {"term-status", required_argument, NULL, TERM_STATUS},
    {"backlog", required_argument, NULL, BACKLOG},
    {"workers", required_argument, NULL, WORKERS},
    {"chroot", required_argument, NULL, CHROOT},
    {"user", required_argument, NULL, USER},
    {"unix", required_argument, NULL, UNIX},
    {"crash", no_argument, &settings.crash, 1},
    {"hang", no_argument, &settings.hang, 1},
    {"print-port", no_argument, &settings.print_port, 1},
    {"reuseport", no_argument, &settings.reuseport, 1},
    {"hup-handler", no_argument, &settings.hup_handler, 1},
    {"strict", no_argument, &settings.strict, 1},
    {"untraced", no_argument, &settings.untraced, 1},
    {"lenient", no_argument, &settings.strict, 0},
    {"told", no_argument, &settings.told, 1},
    {"lock", no_argument, &settings.lock, 1},
    {"nonblock", no_argument, &settings.nonblock, 1},
    {"block", no_argument, &settings.nonblock, 0},
    {NULL, 0, NULL, 0},
};

static int parse_number(const char *text, int max, const char *name)
{
    char *end;
    long number;

    errno = 0;
    number = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < 0 || number > max)
        die(2, "%s: '%s' is not a number from 0 to %d", name, text, max);
    return (int)number;
}

static bool parse_host(const char *host, int port, struct address *address)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&address->sockaddr;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address->sockaddr;

    if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons((uint16_t)port);
        address->length = sizeof(*in);
        return true;
    }
    memset(address, 0, sizeof(*address));
    if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons((uint16_t)port);
        address->length = sizeof(*in6);
        return true;
    }
    return false;
}

static void add_listen(const char *argument)
{
    char host[INET6_ADDRSTRLEN + 2];
    const char *colon = strrchr(argument, ':');
    size_t length = colon == NULL ? 0 : (size_t)(colon - argument);
    bool bracketed = length >= 2 && argument[0] == '[' && argument[length - 1] == ']';
    int port;

    if (length == 0 || length >= sizeof(host))
        die(2, "--listen: '%s' is not HOST:PORT", argument);
    port = parse_number(colon + 1, UINT16_MAX, "--listen");
    if (bracketed)
        snprintf(host, sizeof(host), "%.*s", (int)length - 2, argument + 1);
    else
        snprintf(host, sizeof(host), "%.*s", (int)length, argument);
    if (settings.addresses == MAX_LISTENERS)
        die(2, "--listen: at most %d listeners", MAX_LISTENERS);
    if (bracketed != (strchr(host, ':') != NULL) ||
        !parse_host(host, port, &settings.address[settings.addresses]))
        die(2, "--listen: '%s' is neither an IPv4 nor an [IPv6] address", argument);
    settings.addresses++;
}

static void add_port(const char *argument)
{
    char listen[32];

    snprintf(listen, sizeof(listen), "127.0.0.1:%d", parse_number(argument, UINT16_MAX, "--port"));
    add_listen(listen);
}

/* A path, or with a leading '@' a name in the abstract namespace. */
static void add_unix(const char *path)
{
    struct address *address = &settings.address[settings.addresses];
    struct sockaddr_un *un = (struct sockaddr_un *)&address->sockaddr;
    size_t length = strlen(path);

    if (settings.addresses == MAX_LISTENERS || length >= sizeof(un->sun_path))
        die(2, "--unix: '%s' is too long, or there are more than %d listeners", path,
            MAX_LISTENERS);
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, length + 1);
    address->length = sizeof(*un);
    if (path[0] == '@') {
        un->sun_path[0] = '\0';
        address->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    }
    settings.addresses++;
}

/* Of --version and --version-file, the last one counts. */
static void set_version(const char *argument)
{
    settings.version = argument;
    settings.version_file = NULL;
}

static void apply_option(enum code code, const char *argument)
{
    switch (code) {
    case PORT:
        add_port(argument);
        break;
    case LISTEN:
        add_listen(argument);
        break;
    case VERSION:
        set_version(argument);
        break;
    case VERSION_FILE:
        settings.version_file = argument;
        break;
    case OPTIONS_FILE:
        settings.options_file = argument;
        break;
    case PIDFILE:
        settings.pidfile = argument;
        break;
    case START_WHEN:
        settings.start_when = argument;
        break;
    case ACCEPT_WHEN:
        settings.accept_when = argument;
        break;
    case START_DELAY:
        settings.start_delay = parse_number(argument, INT_MAX, "--start-delay");
        break;
    case LISTEN_DELAY:
        settings.listen_delay = parse_number(argument, INT_MAX, "--listen-delay");
        break;
    case SERVICE_TIME:
        settings.service_time = parse_number(argument, INT_MAX, "--service-time");
        break;
    case ACCEPT_DELAY:
        settings.accept_delay = parse_number(argument, INT_MAX, "--accept-delay");
        break;
    case EXIT:
        settings.exit_at_start = parse_number(argument, UINT8_MAX, "--exit");
        break;
    case EXIT_AFTER_LISTEN:
        settings.exit_after_listen = parse_number(argument, UINT8_MAX, "--exit-after-listen");
        break;
    case TERM_STATUS:
        settings.term_status = parse_number(argument, UINT8_MAX, "--term-status");
        break;
    case BACKLOG:
        settings.backlog = parse_number(argument, INT_MAX, "--backlog");
        break;
    case CHROOT:
        settings.chroot = argument;
        break;
    case USER:
        settings.user = parse_number(argument, INT_MAX, "--user");
        break;
    case UNIX:
        add_unix(argument);
        break;
    case WORKERS:
        settings.workers = parse_number(argument, MAX_WORKERS, "--workers");
        break;
    }
}

static void parse_words(int count, char **words)
{
    int found;

    optind = 0; /* glibc: start anew, this is called twice */
    while ((found = getopt_long(count, words, "", options, NULL)) != -1) {
        if (found == '?')
            exit(2);
        if (optarg != NULL) /* NULL: a flag, and getopt_long has set it */
            apply_option((enum code)found, optarg);
    }
    if (optind < count)
        die(2, "unexpected argument '%s'", words[optind]);
}

/* The words are never freed, as settings go on pointing into them. A missing file is empty. */
static void parse_options_file(const char *path, char *program)
{
    static char text[4096];
    static char *words[sizeof(text) / 2 + 2];
    int count = 1;
    size_t length;
    FILE *file = fopen(path, "re");

    if (file == NULL && errno == ENOENT)
        return;
    if (file == NULL)
        die(1, "%s: %s", path, strerror(errno));
    length = fread(text, 1, sizeof(text) - 1, file);
    text[length] = '\0';
    fclose(file);
    words[0] = program;
    for (char *word = strtok(text, " \t\r\n"); word != NULL; word = strtok(NULL, " \t\r\n"))
        words[count++] = word;
    parse_words(count, words);
}

static const char *read_version(const char *path)
{
    static char line[MAX_WORD + 2];
    FILE *file = fopen(path, "re");

    if (file == NULL)
        die(1, "%s: %s", path, strerror(errno));
    if (fgets(line, sizeof(line), file) == NULL)
        die(1, "%s: holds no version", path);
    fclose(file);
    line[strcspn(line, "\r\n")] = '\0';
    return line;
}

static void check_version(const char *version)
{
    size_t length = strlen(version);

    if (length == 0 || length > MAX_WORD || strpbrk(version, " \t\r\n") != NULL)
        die(2, "version '%s' is not one word of at most %d characters", version, MAX_WORD);
}

void read_settings(int argc, char **argv)
{
    parse_words(argc, argv);
    if (settings.options_file != NULL)
        parse_options_file(settings.options_file, argv[0]);
    if (settings.version_file != NULL)
        settings.version = read_version(settings.version_file);
    check_version(settings.version);
    if (settings.workers == 0)
        die(2, "--workers: at least one");
    if (settings.addresses == 0)
        die(2, "nothing to listen on: --port N or --listen HOST:PORT");
}
