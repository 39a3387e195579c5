/*
 * What the helper tells those who ask with `tfhelper status`, `upgrade`, `wait`
 * and `stop`: records of one shape, over the control socket. They asked with a
 * struct message of one of these kinds.
 */
#ifndef TFHELPER_REPORTS_H
#define TFHELPER_REPORTS_H

#include <stdint.h>

enum { REPORT_MAGIC = 0x7f707266, REPORT_VERSION = 1, REPORT_TEXT = 512, REPORT_NAME = 64 };

/* What a client of the control socket may demand; above the kinds of the library. */
enum demand {
    DEMAND_STATUS = 128, /* one REPORT_STATUS, with the descriptor of a file of records */
    DEMAND_WATCH,        /* events from now on, until the client closes */
    DEMAND_UPGRADE,      /* the same, and an upgrade */
    DEMAND_STOP,         /* the same, and the graceful end of the service */
    DEMAND_SUMMARY,      /* as DEMAND_STATUS, without what the helper has to look for */
    DEMANDS_END,
};

enum report_kind {
    /* events */
    REPORT_STATUS = 1, /* the answer to DEMAND_STATUS */
    REPORT_BEGINS,     /* the upgrade to GENERATION has begun; COUNT: the number of the old one */
    REPORT_NOTED,      /* GENERATION is on its way: the upgrade comes after it */
    REPORT_READY,      /* after DURATION */
    REPORT_FAILED,     /* after DURATION, for the reason in TEXT; POSITION: see below */
    REPORT_RETIRED,    /* after DURATION */
    REPORT_DRAINING,   /* COUNT connections are left, LEFT of the exit timeout */
    REPORT_GONE,
    REPORT_ENDING, /* the service is to end */
    /* the records of a status */
    REPORT_SERVICE,    /* PID of the helper; TEXT: the command; NAME: the version */
    REPORT_GENERATION, /* NAME: state, or UNREADY; PID: of the first process; COUNT: connections
                          left, -1: not known */
    REPORT_PROCESS,    /* NAME: of the program */
    REPORT_LISTENER,   /* NAME: kind; TEXT: address; COUNT of LIMIT in the accept queue */
    REPORT_SETTING,    /* NAME and TEXT */
    REPORT_UPGRADES,   /* COUNT were ready, LIMIT failed */
    REPORT_OUTCOME,    /* of the last upgrade: NAME "ready" or "failed", TEXT: why */
    /* an event */
    REPORT_UNREADY, /* the first generation was not ready in time; it runs on */
};

/* The name of READY, of a generation that was not ready in time. */
#define UNREADY "unready"

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

#endif
