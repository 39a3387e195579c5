/*
 * --events: each exchange, one a line, for whoever wants to see a run as it went on: when it ended
 * and how long it took, in microseconds, how it ended, and what the server said of itself.
 */
#include "load.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static FILE *events; /* NULL: nobody wants them */

void open_events(void)
{
    if (options.events == NULL)
        return;
    events = fopen(options.events, "we");
    if (events == NULL)
        die_usage("--events %s: %s", options.events, strerror(errno));
}

void keep_said(struct client *client, const char *text, size_t length)
{
    size_t word = 0;

    while (word < length && word < MAX_VERSION && isgraph((unsigned char)text[word]))
        word++;
    memcpy(client->said, text, word);
    client->said[word] = '\0';
}

void note_event(const struct client *client, int64_t now, const char *outcome)
{
    if (events == NULL)
        return;
    fprintf(events, "%" PRId64 " %" PRId64 " %s %s\n", now / 1000,
            (now - client->exchange_began) / 1000, outcome,
            client->said[0] != '\0' ? client->said : "-");
}

void close_events(void)
{
    if (events != NULL && fclose(events) != 0) {
        fprintf(stderr, "load: --events %s: %s\n", options.events, strerror(errno));
        exit(EXIT_FAILURE);
    }
}
