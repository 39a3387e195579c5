/* tfhelper run: become the parent of a server. */
#include <stdlib.h>
#include <sys/prctl.h>

#include "../preload/protocol.h"
#include "activation.h"
#include "commands.h"
#include "generation.h"
#include "limits.h"
#include "log.h"
#include "loop.h"
#include "manager.h"
#include "pidfile.h"
#include "settings.h"
#include "start.h"
#include "unfit.h"

int run_command(int argc, char **argv)
{
    struct generation *first;

    read_settings(argc, argv);
    if (!settings.library && !getenv(PRELOAD_VARIABLE))
        log_line(LEVEL_ERROR, "libtfpreload.so is neither beside tfhelper nor in " TFP_LIBDIR
                              ": running without upgrades");
    warn_of_unfit_command();
    lift_descriptor_limit();
    open_loop();
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans of the server come to us, not to init */
    find_manager();
    tell_manager_starting();
    keep_ready_fd();
    first = new_generation();
    inherit_activated(&first->inheritance);
    start_generation(first);
    run_loop();
}
