/* tfhelper run: become the parent of a server. */
#include <stdlib.h>
#include <sys/prctl.h>

#include "../preload/protocol.h"
#include "commands.h"
#include "generation.h"
#include "log.h"
#include "loop.h"
#include "settings.h"
#include "start.h"
#include "unfit.h"

int run_command(int argc, char **argv)
{
    read_settings(argc, argv);
    if (!settings.library && !getenv(PRELOAD_VARIABLE))
        log_line(LEVEL_ERROR, "libtfpreload.so is not beside tfhelper: running without upgrades");
    warn_of_unfit_command();
    open_loop();
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans of the server come to us, not to init */
    start_generation(new_generation());
    run_loop();
}
