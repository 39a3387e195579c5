/* What a command hears, from a helper or from whoever is in its place: helper/outside/reports.c. */
#include "helper/outside/reports.h"

#include "fuzz.h"
#include "helper/commands/client.h"

/* The first byte says how many descriptors came with it, and whether the rest is made one of ours.
 */
static void try_input(const uint8_t *data, size_t size)
{
    struct report *report;

    if (size < 1)
        return;
    report = copy_of(data + 1, size - 1);
    if (data[0] > 1 && size - 1 >= offsetof(struct report, kind)) {
        report->magic = REPORT_MAGIC;
        report->version = REPORT_VERSION;
    }
    if (is_report(report, size - 1, data[0] & 1)) {
        make_report_plain(report);
        for (const char *at = report->text; *at; at++)
            HOLDS((unsigned char)*at >= ' ' && *at != 0x7f);
    }
    free(report);
}

static void make_good(uint8_t *data, unsigned seed)
{
    const struct report report = {.magic = REPORT_MAGIC,
                                  .version = REPORT_VERSION,
                                  .kind = (uint16_t)(seed % REPORTS_END),
                                  .name = "name",
                                  .text = "text \033[31m"};

    data[0] = seed >> 16 & 3;
    memcpy(data + 1, &report, sizeof report);
}

START_FROM(make_good, 1 + sizeof(struct report))
