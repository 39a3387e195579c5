/*
 * Many servers know how to go gently: they say GOAWAY or `Connection: close` to clients that would
 * stay, and end by themselves when the last one has gone. From outside nobody can say that in their
 * place. Who has been told so does not serve again: find_predecessor() passes it over.
 */
#include "retire_signal.h"

#include "helper/base/clock.h"
#include "helper/base/log.h"
#include "helper/generation/generation.h"
#include "helper/settings/settings.h"
#include "probation.h"
#include "stop.h"
#include "traced.h"

void send_retire_signal(struct generation *old)
{
    if (settings.retire_signal == 0 || is_kept(old))
        return;
    if (old->farewell.told_at == 0) {
        old->farewell.told_at = now();
        keep_files_of_stranger(old);
        log_line(LEVEL_INFO, "generation %u: gets the retire signal, to end in its own way",
                 old->number);
    }
    signal_top(old, &old->farewell.told, settings.retire_signal);
}

bool may_end_by_itself(struct generation *old)
{
    struct farewell *farewell = &old->farewell;

    if (farewell->told_at == 0)
        return false;
    if (farewell->drained_at == 0)
        farewell->drained_at = now();
    return now() - farewell->drained_at < settings.stop_timeout;
}
