/* The connection is carried along: who answers at its other end is the new helper. */
#include "upgrade_self.h"

#include <stdbool.h>
#include <stdio.h>

#include "client.h"
#include "find_service.h"
#include "helper/base/usage.h"

static _Noreturn void refused(const char *why)
{
    end_with_error(EXIT_REFUSED, "%s", why);
}

/* The next thing that is for us. */
static struct report next(int fd, pid_t helper, int64_t end)
{
    struct report report = {0};

    switch (hear(fd, &report, end, NULL)) {
    case HEARD:
        break;
    case SILENCE:
        end_at_timeout(helper, "the helper has not executed its new version yet; it will");
    case ENDED:
        refused("the service has ended meanwhile, or its helper cannot do that");
    }
    if (report.kind == REPORT_ENDING)
        refused("the service is about to end: its helper is not upgraded any more");
    if (report.kind == REPORT_REFUSED)
        refused(report.text);
    return report;
}

int upgrade_self(const struct service *service, int64_t end)
{
    bool waits = false;
    struct report report;
    pid_t helper;
    int fd = require_connection(service, end, &helper);

    if (!send_demand(fd, DEMAND_RENEWAL))
        refused("the service has ended meanwhile");
    while ((report = next(fd, helper, end)).kind != REPORT_RENEWED) {
        if (report.kind == REPORT_NOTED && !waits)
            fprintf(stderr, "an upgrade is not over yet: the helper waits for that\n");
        waits |= report.kind == REPORT_NOTED;
    }
    printf("tfhelper %s goes on as process %d\n", report.name, report.pid);
    flush_output();
    return 0;
}
