#include "refusals.h"

#include "helper/base/carry.h"

static int64_t refusals;

void note_refusal(void)
{
    refusals++;
}

int64_t count_refusals(void)
{
    return refusals;
}

void carry_refusals(struct carrier *carrier)
{
    refusals = carry_number(carrier, "refusals", refusals, 0, INT64_MAX);
}
