#include "begin_service.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "helper/base/log.h"
#include "helper/base/usage.h"
#include "helper/check/unfit.h"
#include "helper/check/way.h"
#include "helper/kernel/limits.h"
#include "helper/lifecycle/directory.h"
#include "helper/outside/manager.h"
#include "helper/outside/pidfile.h"
#include "helper/processes/guard.h"
#include "helper/service/loop.h"
#include "helper/service/traced_calls.h"
#include "helper/settings/other_writers.h"
#include "helper/settings/settings.h"
#include "preload/wire/protocol.h"

/* A chroot without /proc, or with that of another pid namespace: nothing could be known there. */
void require_proc(void)
{
    char self[16] = "";

    /* proc(5): our own pid, as the /proc that is mounted counts */
    if (readlink("/proc/self", self, sizeof self - 1) == -1 || strtol(self, NULL, 10) != getpid())
        end_with_error(EXIT_NOT_EXECUTABLE, "/proc is not there, or that of other processes: "
                                            "tfhelper needs it, and the command is not run");
}

static void warn_of_missing_library(void)
{
    if (!settings.library && !getenv(PRELOAD_VARIABLE))
        log_line(LEVEL_ERROR, "libtfpreload.so is neither beside tfhelper nor in " TFP_LIBDIR
                              ": running without upgrades");
    warn_of_unfit_command();
}

void begin_service(void)
{
    if (is_to_be_traced(AT_FDCWD))
        say_that_it_is_watched();
    else
        warn_of_missing_library();
    answer_traced_calls();
    warn_of_other_writers();
    lift_descriptor_limit();
    remember_directory();
    open_loop();
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans of the server come to us, not to init */
    start_guard();
    find_manager();
    tell_manager_starting();
    keep_ready_fd();
}

void print_common_options(void)
{
    printf("  -f, --file PATH          execute PATH; COMMAND is only its argv[0]\n");
    print_setting_options();
    printf("  -h, --help               this text\n"
           "  -V, --version            the version\n\n"
           "Each setting may be given by the variable in brackets; the option wins.\n");
}
