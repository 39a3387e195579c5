#include "proc_text.h"

#include <limits.h>
#include <string.h>

#include "unix_socket.h"

static int digit_value(char character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    if (character >= 'A' && character <= 'F') /* /proc/net/unix alone */
        return character - 'A' + 10;
    return INT_MAX;
}

/* Read an unsigned number that one of `ends` follows. Moves *at to there, if it is one. */
static bool take_number(const char **at, int base, const char *ends, uint64_t *value)
{
    const char *start = *at;
    const char *here = start;
    uint64_t number = 0;

    for (int digit; (digit = digit_value(*here)) < base; here++) {
        if (number > (UINT64_MAX - (unsigned)digit) / (unsigned)base)
            return false;
        number = number * (unsigned)base + (unsigned)digit;
    }
    if (here == start || *here == '\0' || !strchr(ends, *here))
        return false;
    *at = here;
    *value = number;
    return true;
}

/* Like that, with a sign; what is negative (no process group, of one that has ended) reads as 0. */
static bool take_signed(const char **at, const char *ends, uint64_t *value)
{
    bool negative = **at == '-';

    *at += negative;
    if (!take_number(at, 10, ends, value))
        return false;
    if (negative)
        *value = 0;
    return true;
}

static bool take_pid(const char **at, const char *ends, pid_t *pid)
{
    uint64_t value;

    if (!take_signed(at, ends, &value) || value > INT_MAX)
        return false;
    *pid = (pid_t)value;
    return true;
}

/* proc(5): the numbers behind the state, which is the third field of all. */
enum { PARENT, GROUP, SESSION, KERNEL_FLAGS = 5, THREADS = 16, STARTED = 18, NUMBERS };

static bool take_numbers(const char *at, uint64_t number[NUMBERS])
{
    for (int i = 0; i < NUMBERS; i++)
        if (*at++ != ' ' || !take_signed(&at, " \n", &number[i]))
            return false;
    return true;
}

/* PF_FORKNOEXEC of the kernel's own headers. */
enum { FORKED_ONLY = 0x40 };

bool parse_stat(const char *text, struct proc_stat *stat)
{
    /* the name between the parentheses may hold anything, line ends and ")" included */
    const char *end_of_name = strrchr(text, ')');
    uint64_t number[NUMBERS];

    if (!take_pid(&text, " ", &stat->pid) || stat->pid == 0 || text[1] != '(' || !end_of_name ||
        end_of_name[1] != ' ' || end_of_name[2] < 'A' || !take_numbers(end_of_name + 3, number) ||
        number[PARENT] > INT_MAX || number[GROUP] > INT_MAX || number[SESSION] > INT_MAX ||
        number[THREADS] > INT_MAX)
        return false;
    stat->state = end_of_name[2];
    stat->parent = (pid_t)number[PARENT];
    stat->group = (pid_t)number[GROUP];
    stat->session = (pid_t)number[SESSION];
    stat->executed = !(number[KERNEL_FLAGS] & FORKED_ONLY);
    stat->threads = (long)number[THREADS];
    stat->started = number[STARTED];
    return true;
}

/* What follows the label, and white space, in the line that it begins; NULL if there is none. */
static const char *find_label(const char *text, const char *label)
{
    size_t length = strlen(label);

    while (strncmp(text, label, length) != 0) {
        text = strchr(text, '\n');
        if (!text)
            return NULL;
        text++;
    }
    return text + length + strspn(text + length, " \t");
}

bool parse_field(const char *text, const char *label, int base, uint64_t *value)
{
    const char *at = find_label(text, label);

    return at && take_number(&at, base, "\n \t", value);
}

/* real, effective, saved and that for files */
static bool parse_uids(const char *text, struct proc_status *status)
{
    const char *at = find_label(text, "Uid:");
    uint64_t uid[3];

    for (int i = 0; i < 3; i++)
        if (!at || !take_number(&at, 10, "\t", &uid[i]) || *at++ != '\t' || uid[i] > UINT32_MAX)
            return false;
    status->real = (uid_t)uid[0];
    status->effective = (uid_t)uid[1];
    status->saved = (uid_t)uid[2];
    return true;
}

/* Mode 1 is strict, mode 2 has filters; Linux 5.9 and on say how many. */
static unsigned parse_filters(const char *text)
{
    uint64_t mode = 0;
    uint64_t filters;

    parse_field(text, "Seccomp:", 10, &mode);
    if (mode == 1)
        return UINT_MAX;
    if (!parse_field(text, "Seccomp_filters:", 10, &filters))
        filters = mode;
    return filters < UINT_MAX ? (unsigned)filters : UINT_MAX;
}

bool parse_status(const char *text, struct proc_status *status)
{
    const char *state = find_label(text, "State:");

    if (!state || *state == '\0' || !parse_uids(text, status) ||
        !parse_field(text, "SigPnd:", 16, &status->pending) ||
        !parse_field(text, "SigBlk:", 16, &status->blocked) ||
        !parse_field(text, "SigCgt:", 16, &status->caught))
        return false;
    status->state = *state;
    status->filters = parse_filters(text);
    return true;
}

bool next_child(const char **at, pid_t *child)
{
    const char *here = *at + strspn(*at, " ");

    if (!take_pid(&here, " ", child) || *child == 0)
        return false;
    *at = here;
    return true;
}

const char *find_variable(const char *text, size_t size, const char *name)
{
    const char *end = text + size;
    size_t length = strlen(name);

    for (const char *at = text; at < end; at += strlen(at) + 1)
        if (strncmp(at, name, length) == 0 && at[length] == '=')
            return at + length + 1;
    return NULL;
}

bool parse_syscall(const char *text, struct thread_call *call)
{
    uint64_t number;
    uint64_t argument = 0;

    *call = (struct thread_call){.running = strncmp(text, "running", 7) == 0, .number = -1};
    if (call->running || strncmp(text, "-1 ", 3) == 0)
        return true;
    if (!take_number(&text, 10, " ", &number) || number > LONG_MAX || strncmp(text, " 0x", 3) != 0)
        return false;
    text += 3;
    if (!take_number(&text, 16, " ", &argument))
        return false;
    call->number = (long)number;
    call->first_argument = (unsigned long)argument;
    if (strncmp(text, " 0x", 3) != 0)
        return true;
    text += 3;
    if (!take_number(&text, 16, " ", &argument))
        return false;
    call->second_argument = (unsigned long)argument;
    return true;
}

bool parse_socket_link(const char *text, unsigned long long *inode)
{
    static const char start[] = "socket:[";
    uint64_t number;

    if (strncmp(text, start, sizeof start - 1) != 0)
        return false;
    text += sizeof start - 1;
    if (!take_number(&text, 10, "]", &number) || text[1] != '\0')
        return false;
    *inode = number;
    return true;
}

enum { ACCEPTS = 1 << 16 }; /* the flag of a socket that listens */

/* proc(5): "number: references protocol flags type state inode path", each but the inode in
 * hexadecimal, and the path not always. */
bool parse_unix_socket(const char *line, struct unix_socket *socket)
{
    enum { FLAGS = 2, TYPE, STATE, FIELDS };
    const char *at = strchr(line, ':');
    uint64_t field[FIELDS] = {0};
    uint64_t inode;

    memset(socket, 0, sizeof *socket);
    for (int i = 0; i < FIELDS; i++) {
        at = at ? at + 1 + strspn(at + 1, " ") : "";
        if (!take_number(&at, 16, " ", &field[i]) || field[i] > UINT32_MAX)
            return false;
    }
    at += strspn(at, " ");
    if (!take_number(&at, 10, " \n", &inode) || inode > UINT32_MAX || field[TYPE] > INT_MAX)
        return false;
    socket->inode = (uint32_t)inode;
    socket->type = (int)field[TYPE];
    socket->listens = field[FLAGS] & ACCEPTS;
    if (*at == '\n')
        return true;
    socket->name_length = strcspn(++at, "\n");
    if (socket->name_length > sizeof socket->name)
        socket->name_length = sizeof socket->name;
    memcpy(socket->name, at, socket->name_length);
    if (socket->name[0] == '@') /* an abstract name: the list shows its NULs so */
        socket->name[0] = '\0';
    return true;
}
