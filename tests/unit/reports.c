/* What a command takes for a report of the helper's: helper/outside/reports.c. */
#include "helper/outside/reports.h"

#include "unit.h"

static struct report right_report(unsigned kind)
{
    struct report report = {
        .magic = REPORT_MAGIC, .version = REPORT_VERSION, .kind = (uint16_t)kind};

    return report;
}

TEST("every kind, and what is none")
{
    for (unsigned kind = 0; kind <= 65535; kind++) {
        const struct report report = right_report(kind);

        /* those of a newer helper as well */
        CHECK_INT(is_report(&report, sizeof report, 0), kind > REPORT_STATUS);
        CHECK_INT(is_report(&report, sizeof report, 1), kind == REPORT_STATUS);
    }
}

TEST("another size, version or origin")
{
    struct report report = right_report(REPORT_READY);

    CHECK(is_report(&report, sizeof report, 0));
    CHECK(!is_report(&report, sizeof report - 1, 0));
    CHECK(!is_report(&report, 0, 0));
    report.version++;
    CHECK(!is_report(&report, sizeof report, 0));
    report = right_report(REPORT_READY);
    report.magic++;
    CHECK(!is_report(&report, sizeof report, 0));
}

TEST("texts that do not end")
{
    struct report report = right_report(REPORT_SETTING);

    memset(report.name, 'x', sizeof report.name - 1);
    memset(report.text, 'x', sizeof report.text - 1);
    CHECK(is_report(&report, sizeof report, 0));
    report.name[sizeof report.name - 1] = 'x';
    CHECK(!is_report(&report, sizeof report, 0));
    report.name[0] = '\0';
    CHECK(is_report(&report, sizeof report, 0));
    report.text[sizeof report.text - 1] = 'x';
    CHECK(!is_report(&report, sizeof report, 0));
}
