/*
 * A process of a session knows by a variable in its environment which session and
 * which generation it belongs to. One of a helper that is too old, or that cannot be understood,
 * costs the upgrades, never the server.
 */
#include "join.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#include "early.h"
#include "preload/kernel/kernel.h"
#include "preload/kernel/proc_text.h"
#include "preload/process/control.h"
#include "preload/signals/actions.h"
#include "preload/signals/masks.h"
#include "preload/upgrade/given.h"
#include "preload/upgrade/hand_down.h"
#include "preload/upgrade/orders.h"

/* The number of at most `most` before this end, which is passed over; -1 for anything else. */
static int64_t session_field(const char **text, char end, int64_t most)
{
    size_t digits = strspn(*text, "0123456789");
    int64_t value;

    if (digits == 0 || digits > 10 || (*text)[digits] != end)
        return -1;
    value = (int64_t)parse_number(text, 10);
    *text += end != '\0';
    return value <= most ? value : -1;
}

static int digit_value(char digit)
{
    return digit <= '9' ? digit - '0' : digit - 'a' + 10;
}

/* The last field: two digits a byte. */
static bool session_secret(const char *text, uint8_t secret[SECRET_LENGTH])
{
    const size_t digits = (size_t)2 * SECRET_LENGTH;

    if (strspn(text, "0123456789abcdef") != digits || text[digits] != '\0')
        return false;
    for (size_t i = 0; i < SECRET_LENGTH; i++)
        secret[i] = (uint8_t)(digit_value(text[2 * i]) << 4 | digit_value(text[2 * i + 1]));
    return true;
}

/*
 * SESSION_FORMAT, read without sscanf(): glibc before 2.32 has not set up its
 * character classes yet. A value of another shape is another version's.
 */
bool parse_session(const char *text, struct session *parsed)
{
    int64_t version;
    int64_t generation;
    int64_t helper;
    int64_t upgrade_signal;
    int64_t opener;
    int64_t opener_uid;

    version = session_field(&text, '/', UINT16_MAX);
    if (version < 1 || strspn(text, "0123456789abcdef") != SESSION_NAME_LENGTH ||
        text[SESSION_NAME_LENGTH] != '/')
        return false;
    memcpy(parsed->name, text, SESSION_NAME_LENGTH);
    text += SESSION_NAME_LENGTH + 1;
    generation = session_field(&text, '/', INT32_MAX);
    helper = session_field(&text, '/', INT32_MAX);
    upgrade_signal = session_field(&text, '/', NSIG - 1);
    opener = session_field(&text, '/', INT32_MAX);
    opener_uid = session_field(&text, '/', UINT32_MAX);
    if (generation < 1 || helper < 1 || upgrade_signal < 1 || opener < 1 || opener_uid < 0 ||
        !session_secret(text, parsed->secret))
        return false;
    /* whether a newer helper understands us, it will say; an older one we may not understand */
    parsed->version = (uint16_t)(version < PROTOCOL_VERSION ? version : PROTOCOL_VERSION);
    parsed->generation = (unsigned)generation;
    parsed->helper = (pid_t)helper;
    parsed->upgrade_signal = (int)upgrade_signal;
    parsed->opener = (pid_t)opener;
    parsed->opener_uid = (uid_t)opener_uid;
    return true;
}

/*
 * It hears of it by any message of our version, and need not wait for the ready timeout. There is
 * no answer: it closes the connection, and until then we are there for it to look at.
 */
static void refuse_helper(void)
{
    struct message message = new_message(MESSAGE_WAITING);

    if (!session.first)
        return;
    message.version = PROTOCOL_VERSION;
    ask_helper(open_control(), &message, NULL);
    complain("the library is", "too new for its tfhelper", 0);
}

void join_session(const char *text, char **environment)
{
    int dies_with_parent = 0;
    bool activated;

    if (!parse_session(text, &session)) {
        complain("cannot understand", SESSION_VARIABLE, EPROTO);
        return;
    }
    if (create_own_state() == -1) {
        complain("cannot map", "a page", errno);
        return;
    }
    /* where no guard ends us, the helper has its own child die with it: prctl(2) */
    session.dies_with_helper =
        prctl(PR_GET_PDEATHSIG, &dies_with_parent) == 0 && dies_with_parent == SIGKILL;
    if (getppid() == session.helper)
        session.first = kernel_getpid();
    if (session.version < OLDEST_PROTOCOL) {
        refuse_helper();
        return;
    }
    /* the first generation: what a service manager has opened for it, sd_listen_fds(3) */
    activated = early_variable(environment, "LISTEN_FDS") != NULL;
    /* and copies of its own listeners that the helper keeps would be in the way of a second bind */
    session.inherits = session.generation > 1 || activated ||
                       early_variable(environment, RESTART_VARIABLE) != NULL;
    session.shares_files = early_variable(environment, SHARED_FILES_VARIABLE) != NULL;
    session.keeps_peers = early_variable(environment, UDP_VARIABLE) != NULL;
    session.beside_stranger = early_variable(environment, STRANGER_VARIABLE) != NULL;
    keep_variables(environment);
    session.active = true;
    set_signal_handler(handle_reserved_signal);
    unblock_reserved(ORDER_SIGNAL);
    /* a listener may have come through exec, or be passed to us */
    atomic_store(&attention, ATTENTION_READINESS | ATTENTION_NO_LISTENER);
    /* who then blocks in recvfrom() makes no call that is wrapped */
    if (session.first || activated)
        take_given_sockets(false);
}
