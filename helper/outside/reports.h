/*
 * What the helper tells those who ask with `tfhelper status`, `upgrade`, `wait`
 * and `stop`: records of one shape, over the control socket. They asked with a
 * struct message of an enum demand.
 */
#ifndef TFHELPER_REPORTS_H
#define TFHELPER_REPORTS_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REPORT_MAGIC = 0x7f707266, REPORT_VERSION = 2, REPORT_TEXT = 512, REPORT_NAME = 64 };

enum report_kind {
    /* events */
    REPORT_STATUS = 1, /* the answer to DEMAND_STATUS */
    REPORT_BEGINS,   /* the upgrade to GENERATION has begun; COUNT: the number of the old one; TEXT:
                        a hint */
    REPORT_NOTED,    /* GENERATION is on its way: the upgrade comes after it */
    REPORT_READY,    /* after DURATION */
    REPORT_FAILED,   /* for the reason in TEXT; POSITION: see below */
    REPORT_DRAINING, /* COUNT connections are left, LEFT of the exit timeout */
    REPORT_GONE,
    REPORT_ENDING,      /* the service is to end */
    REPORT_ROLLED_BACK, /* GENERATION, for the reason in TEXT; COUNT: the number of the old one */
    REPORT_RETURNED,    /* GENERATION serves again */
    REPORT_COMMITTED,   /* the predecessor of GENERATION is not kept any more */
    REPORT_REFUSED,     /* what was demanded cannot be, for the reason in TEXT */
    REPORT_SIGNALLED,   /* TEXT: who has been sent what was demanded, empty: nobody */
    REPORT_UNREADY,     /* the first generation was not ready in time; it runs on */
    REPORT_RESTARTED,   /* GENERATION has ended, for the reason in TEXT; COUNT: started instead */
    /* the records of a status */
    REPORT_SERVICE, /* PID of the helper; TEXT: the command; NAME: the version; COUNT: restarts */
    REPORT_GENERATION, /* NAME: state, or UNREADY; PID: of the first process; COUNT: connections
                          open or left, -1: not known */
    REPORT_PROCESS,    /* NAME: of the program */
    REPORT_LISTENER,   /* NAME: kind; TEXT: address; COUNT of LIMIT in the accept queue */
    REPORT_SETTING,    /* NAME and TEXT */
    REPORT_UPGRADES,   /* COUNT were ready, LIMIT failed, LEFT were rolled back */
    REPORT_REFUSALS,   /* COUNT connections, messages and notices were refused */
    REPORT_OUTCOME,    /* of the last upgrade: NAME "ready", "failed" or "rolled back", TEXT: why */
    /* an event again: what is above keeps its number */
    REPORT_KILLED, /* GENERATION was not gone DURATION after the stop signal */
    /* and a record of a status */
    REPORT_CLIENT, /* of a generation that drains, TEXT: its address; COUNT bytes are pending, AGE
                      since data last went; LIMIT 1: it is in progress */
    /* an event */
    REPORT_RENEWED, /* the helper has executed its new version: NAME; PID: its own */
    REPORTS_END,
};

struct report {
    uint32_t magic;
    uint16_t version;
    uint16_t kind;
    uint32_t generation;
    int32_t pid;
    int64_t count;
    int64_t limit;
    int64_t age;      /* nanoseconds, as all times here */
    int64_t duration; /* OUTCOME: from the start to ready */
    int64_t left;     /* until the state must have ended, -1: there is no deadline */
    int64_t position; /* where in the server's stderr, a regular file, GENERATION begins; or -1 */
    char name[REPORT_NAME];
    char text[REPORT_TEXT];
};

static_assert(sizeof(struct report) == 640 && offsetof(struct report, count) == 16 &&
                  offsetof(struct report, name) == 64,
              "a report has no holes");

/*
 * Is this, of so many bytes and with so many descriptors, a report of our version: with texts that
 * end, and a descriptor if it is a REPORT_STATUS? Its kind may be one that we do not know, since a
 * newer helper has more to tell: whoever reads it passes that over. What it says of itself is for
 * who shows it to doubt: texts may hold anything.
 */
bool is_report(const struct report *report, size_t size, size_t descriptors);

#endif
