/*
 * What is remembered of a run. Memory is bounded however long it lasts: latencies go into a
 * logarithmic histogram (each bucket within 2% of its neighbours), pids into a bitmap.
 */
#include "load.h"

#include <string.h>
#include <time.h>

enum {
    SUB_BITS = 6,
    SUB_BUCKETS = 1 << SUB_BITS,
    BUCKETS = 64 * SUB_BUCKETS,
    MAX_VERSIONS = 1024,       /* more are not told apart */
    MAX_PID = 4 * 1024 * 1024, /* the kernel's own limit, PID_MAX_LIMIT */
    FAILURES_TOLD = 5,
};

const char *const failure_names[FAILURES] = {
    [REFUSED] = "refused", [RESET] = "reset",        [CLOSED_EARLY] = "closed_early",
    [SHORT] = "short",     [WRONG_ANSWER] = "wrong", [TIMEOUT] = "timeout",
    [LOCAL] = "local",     [OTHER] = "other",
};

struct statistics statistics;

static uint64_t histogram[BUCKETS];
static char versions[MAX_VERSIONS][MAX_VERSION + 1];
static uint8_t pids_seen[MAX_PID / 8 + 1];

int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

/* The leading bit chooses the row, and the next SUB_BITS bits the bucket in it. */
static size_t bucket_of(uint64_t value)
{
    int shift;

    if (value < SUB_BUCKETS)
        return (size_t)value;
    shift = 63 - __builtin_clzll(value) - SUB_BITS;
    return ((size_t)shift << SUB_BITS) + (size_t)(value >> shift);
}

/* The largest value that goes into a bucket. */
static uint64_t bucket_limit(size_t bucket)
{
    size_t shift = bucket < SUB_BUCKETS ? 0 : (bucket >> SUB_BITS) - 1;

    return ((bucket - (shift << SUB_BITS) + 1) << shift) - 1;
}

void count_answer(int64_t now, int64_t latency)
{
    int64_t gap = statistics.last_answer == 0 ? 0 : now - statistics.last_answer;

    statistics.answers++;
    statistics.last_answer = now;
    histogram[bucket_of((uint64_t)latency)]++;
    if (gap > statistics.longest_gap && !statistics.closing)
        statistics.longest_gap = gap;
    if (latency > statistics.longest_latency)
        statistics.longest_latency = latency;
}

uint64_t all_failures(void)
{
    uint64_t sum = 0;

    for (int i = 0; i < FAILURES; i++)
        sum += statistics.failures[i];
    return sum;
}

void count_failure(enum failure failure, enum kind kind, int error, const char *detail)
{
    static const char *const kinds[] = {
        [CLOSED] = "closed", [KEPT] = "kept", [SLOW] = "slow", [RATE] = "rate"};

    if (failure == OTHER && statistics.failures[OTHER] == 0)
        statistics.other_errno = error;
    if (all_failures() < FAILURES_TOLD) {
        fprintf(stderr, "load: at %.0f ms: %s client: %s%s%s%s%s\n",
                ns_to_ms(now_ns() - statistics.began), kinds[kind], failure_names[failure],
                error != 0 ? ", " : "", error != 0 ? strerror(error) : "",
                detail != NULL ? ", " : "", detail != NULL ? detail : "");
    }
    statistics.failures[failure]++;
}

static void note_pid(long pid)
{
    uint8_t bit = (uint8_t)(1U << (pid % 8));

    if (pid < 0 || pid > MAX_PID || (pids_seen[pid / 8] & bit) != 0)
        return;
    pids_seen[pid / 8] |= bit;
    statistics.pids++;
}

static bool is_known(const char *version)
{
    for (unsigned i = 0; i < statistics.versions; i++) {
        if (strcmp(versions[i], version) == 0)
            return true;
    }
    return false;
}

void note_server(const char *version, size_t length, long pid)
{
    char *last = statistics.last_version;

    note_pid(pid);
    if (length == strlen(last) && memcmp(version, last, length) == 0)
        return;
    memcpy(last, version, length);
    last[length] = '\0';
    if (statistics.versions < MAX_VERSIONS && !is_known(last))
        memcpy(versions[statistics.versions++], last, length + 1);
}

int64_t latency_quantile(double share)
{
    uint64_t rank = (uint64_t)(share * (double)statistics.answers);
    uint64_t seen = 0;

    for (size_t i = 0; i < BUCKETS; i++) {
        seen += histogram[i];
        if (seen > rank && (int64_t)bucket_limit(i) < statistics.longest_latency)
            return (int64_t)bucket_limit(i);
        if (seen > rank)
            break;
    }
    return statistics.longest_latency;
}
