/*
 * The result of a run: a table for people, or one line of JSON whose keys stay as they are.
 */
#include "load.h"

#include <inttypes.h>
#include <string.h>

static double duration_seconds(void)
{
    return (double)(statistics.ended - statistics.began) / (double)SECOND_NS;
}

static double answers_per_second(void)
{
    double seconds = duration_seconds();

    return seconds > 0 ? (double)statistics.answers / seconds : 0;
}

static void print_failures(FILE *out)
{
    fprintf(out, "failed          %" PRIu64 "\n", all_failures());
    for (int i = 0; i < FAILURES; i++) {
        if (statistics.failures[i] == 0)
            continue;
        fprintf(out, "  %-14s%" PRIu64, failure_names[i], statistics.failures[i]);
        if (i == OTHER)
            fprintf(out, " (the first: %s)", strerror(statistics.other_errno));
        fputc('\n', out);
    }
}

void print_table(FILE *out)
{
    fprintf(out, "requests        %" PRIu64 " in %.2f s, %.0f answers/s\n",
            statistics.answers + all_failures(), duration_seconds(), answers_per_second());
    print_failures(out);
    fprintf(out, "latency         p50 %.2f ms, p99 %.2f ms, max %.2f ms\n",
            ns_to_ms(latency_quantile(0.50)), ns_to_ms(latency_quantile(0.99)),
            ns_to_ms(statistics.longest_latency));
    fprintf(out, "longest gap     %.2f ms between two answers\n", ns_to_ms(statistics.longest_gap));
    if (statistics.versions > 0)
        fprintf(out, "versions        %u, the last one '%s', from %u processes\n",
                statistics.versions, statistics.last_version, statistics.pids);
}

/* A version has printable characters only: line_protocol has seen to that. */
static void print_json_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

void print_json(FILE *out)
{
    fprintf(out, "{\"requests\":%" PRIu64 ",\"failed\":%" PRIu64,
            statistics.answers + all_failures(), all_failures());
    for (int i = 0; i < FAILURES; i++)
        fprintf(out, ",\"%s\":%" PRIu64, failure_names[i], statistics.failures[i]);
    fprintf(out, ",\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"longest_gap_ms\":%.3f",
            ns_to_ms(latency_quantile(0.50)), ns_to_ms(latency_quantile(0.99)),
            ns_to_ms(statistics.longest_latency), ns_to_ms(statistics.longest_gap));
    fprintf(out, ",\"duration_s\":%.3f,\"per_second\":%.1f,\"versions\":%u,\"last_version\":",
            duration_seconds(), answers_per_second(), statistics.versions);
    print_json_string(out, statistics.last_version);
    fprintf(out, ",\"pids\":%u}\n", statistics.pids);
}
