/* Whoever listens on the socket of a service need not be its helper: what comes is looked at. */
#include "reports.h"

#include <string.h>

static bool ends(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

bool is_report(const struct report *report, size_t size, size_t descriptors)
{
    return size == sizeof *report && report->magic == REPORT_MAGIC &&
           report->version == REPORT_VERSION && report->kind >= REPORT_STATUS &&
           ends(report->name, sizeof report->name) && ends(report->text, sizeof report->text) &&
           descriptors == (report->kind == REPORT_STATUS ? 1 : 0);
}
