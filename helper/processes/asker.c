#include "asker.h"

#include <stdio.h>
#include <string.h>

#include "helper/base/plain.h"
#include "helper/base/signal_names.h"
#include "helper/kernel/procfile.h"

void write_asker(char text[ASKER_TEXT], pid_t pid, int user)
{
    char name[COMMAND_SIZE] = "";
    char of_user[32] = "";

    if (user != -1)
        snprintf(of_user, sizeof of_user, ", user %d", user);
    if (pid == 0) {
        snprintf(text, ASKER_TEXT, "a process that cannot be seen from here%s", of_user);
        return;
    }
    read_command(pid, name); /* nothing, of kill(1), which has ended by now */
    make_plain(name);
    snprintf(text, ASKER_TEXT, "process %d%s%s%s%s", pid, *name ? " (" : "", name, *name ? ")" : "",
             of_user);
}

void write_signaller(char text[ASKER_TEXT], int number, pid_t pid, int user)
{
    const char *name = name_of_signal(number); /* of a real-time one NULL */
    char asker[ASKER_TEXT];

    write_asker(asker, pid, user);
    if (name)
        snprintf(text, ASKER_TEXT, "SIG%s of %.120s", name, asker);
    else
        snprintf(text, ASKER_TEXT, "signal %d of %.120s", number, asker);
}
