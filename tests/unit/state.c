/* All that one helper hands on to the next: helper/service/state.c. What is written is read back.
 */
#include "helper/service/state.h"

#include <limits.h>

#include "helper/base/carry.h"
#include "helper/generation/generation.h"
#include "helper/listeners/inheritance.h"
#include "helper/outside/story.h"
#include "helper/processes/first_processes.h"
#include "helper/processes/orders.h"
#include "helper/processes/session.h"
#include "helper/trace/trace.h"
#include "unit.h"

static const char *text;
static size_t size;

/* A byte that is another one each time, for what may hold any. */
static void fill(void *memory, size_t length)
{
    static unsigned char next = 1;

    for (size_t i = 0; i < length; i++)
        ((unsigned char *)memory)[i] = next++;
}

static void serve_nothing(struct watch *watch)
{
    (void)watch;
}

static struct inherited make_listener(int fd, int options)
{
    struct inherited item = {.fd = fd,
                             .options = options,
                             .inode = UINT64_MAX,
                             .from = 12,
                             .of_first = true,
                             .position = UINT32_MAX,
                             .path = "/run/a b%\n\xff.sock",
                             .status_flags = 04000,
                             .async_signal = 29,
                             .backlog = -1,
                             .claimed = true,
                             .claimed_at = 77,
                             .listening = true,
                             .abandoned = 1,
                             .kept_to = true};

    item.key.family = 1;
    item.key.type = 5;
    item.key.address_length = ADDRESS_LENGTH;
    fill(item.key.address, sizeof item.key.address);
    fill(item.key.device, sizeof item.key.device);
    item.async_setter[0] = item.async_setter[1] = UINT32_MAX;
    return item;
}

static void make_drained(struct generation *old)
{
    struct known_socket socket = {
        .inode = UINT64_MAX, .kind = CONNECTION, .seen = true, .family = 10};

    old->state = DRAINING;
    old->deadline = INT64_MAX;
    old->exited = true;
    old->wait_status = 139;
    old->kept_signals = UINT64_MAX;
    old->drainage.connections = SIZE_MAX;
    fill(&socket.id, sizeof socket.id);
    add_known(&old->drainage.sockets, socket);
    socket.inode = 5;
    add_known(&old->drainage.sockets, socket);
    note_told(&old->farewell.told, 4711);
    note_told(&old->asked, 4712);
    old->drainage.inquiry.inode = malloc(sizeof *old->drainage.inquiry.inode);
    old->drainage.inquiry.inode[0] = UINT64_MAX;
    old->drainage.inquiry.count = 1;
}

static struct trace *make_trace(struct generation *generation)
{
    struct trace *trace = calloc(1, sizeof *trace);
    struct listener_key key = {.family = 10, .type = 1, .protocol = 6, .address_length = 28};

    trace->generation = generation;
    trace->watch.fd = 40;
    trace->page = 41;
    trace->filters = 2;
    trace->bound_limit = 64;
    fill(key.address, sizeof key.address);
    note_bound(trace, UINT64_MAX, &key)->listens = true;
    trace->deafened.item = calloc(1, sizeof *trace->deafened.item);
    trace->deafened.item[0] = (struct deafened){.process = 12, .number = 3, .listener = UINT64_MAX};
    trace->deafened.lost = calloc(1, sizeof *trace->deafened.lost);
    trace->deafened.lost[0].registration.data = UINT64_MAX;
    trace->deafened.count = trace->deafened.lost_count = 1;
    return trace;
}

static void make_generations(void)
{
    struct generation *old = new_generation();
    struct generation *failed = new_generation();

    make_drained(old);
    old->trace = make_trace(old);
    failed->state = STOPPING;
    failed->number = 2;
    current = new_generation();
    current->state = READY;
    snprintf(current->reason, sizeof current->reason, "two\nlines, a %% and \001");
    current->library = 3;
    current->program = (struct program){20, 21};
    current->signs.notices = (struct watch){.fd = 22, .serve = serve_nothing};
    current->inheritance.item = malloc(2 * sizeof *current->inheritance.item);
    current->inheritance.item[0] = make_listener(30, 31);
    current->inheritance.item[1] = make_listener(32, -1);
    current->inheritance.count = 2;
    current->endpoints = calloc(1, sizeof *current->endpoints);
    current->endpoint_count = 1;
    fill(current->endpoints[0].name, sizeof current->endpoints[0].name);
    current->removed = calloc(1, sizeof *current->removed);
    current->removed_count = 1;
    fill(current->removed[0].name, sizeof current->removed[0].name - 1);
    current->signs.bound = calloc(1, sizeof *current->signs.bound);
    current->signs.bound_count = 1;
    add_first_process(3, 4713);
    new_generation();
    generations = generations->older; /* it has failed, and its number is not used again */
}

static void write_with(const char *writer, int file)
{
    struct carrier carrier = carrier_to(fdopen(dup(file), "w"));
    struct state_head head = {.version = STATE_VERSION, .pid = 1, .started = UINT_MAX};

    snprintf(head.writer, sizeof head.writer, "%s", writer);
    carry_head(&carrier, &head);
    carry_state(&carrier);
    fclose(carrier.out);
    free_carrier(&carrier);
}

/* In a process of its own: the one that reads begins with nothing. */
static int file_of_another(void)
{
    int file = memfd_create("state", 0);
    pid_t pid = fork();

    if (pid == 0) {
        char session[SESSION_TEXT];

        CHECK_INT(name_session(), 0);
        session_text(3, session);
        make_generations();
        snprintf(last_outcome.reason, sizeof last_outcome.reason, "it failed");
        last_outcome.failed_ones = 3;
        write_with("0.0.9", file);
        _exit(unit_failures);
    }
    waitpid(pid, NULL, 0);
    text = map_state(file, &size);
    return file;
}

static struct carrier read_text(const char *from, size_t length)
{
    struct carrier carrier = carrier_from(from, length);
    struct state_head head = {0};

    carry_head(&carrier, &head);
    carry_state(&carrier);
    return carrier;
}

/* The control socket is not open in a test, and has a number that is nobody's. */
static char *with_control_socket(void)
{
    static char copy[1 << 16];
    char *line;

    REQUIRE(CHECK(size + 64 < sizeof copy));
    memcpy(copy, text, size);
    copy[size] = '\0';
    line = strstr(copy, "\ncontrol-socket=");
    REQUIRE(CHECK(line != NULL));
    line += strlen("\ncontrol-socket=");
    memmove(line + 2, strchr(line, '\n'), strlen(strchr(line, '\n')) + 1);
    memcpy(line, "99", 2);
    size = strlen(copy);
    return copy;
}

TEST("what is written is read back, and written again the same")
{
    struct carrier carrier;
    char *from;
    const char *again;
    int file;
    size_t length;

    file_of_another();
    REQUIRE(CHECK(text != NULL));
    from = with_control_socket();
    carrier = read_text(from, size);
    REQUIRE(CHECK_TEXT(carrier.fault, ""));
    CHECK_INT(carrier.descriptor_count, 9);
    CHECK_INT(current->number, 3);
    CHECK_INT(current->older->state, STOPPING);
    CHECK_INT(current->older->older->drainage.sockets.count, 2);
    CHECK(was_asked(&current->older->older->asked, 4712));
    CHECK(find_bound(current->older->older->trace, UINT64_MAX)->listens);
    CHECK_INT(new_generation()->number, 5);
    generations = generations->older;
    count_on_from(4);
    current->signs.notices.serve = serve_nothing; /* as resume_notices() has it */
    file = memfd_create("again", 0);
    write_with("0.0.9", file);
    again = map_state(file, &length);
    CHECK_INT(length, size);
    CHECK(length == size && memcmp(again, from, size) == 0);
}

TEST("no line may be missing, or be there twice")
{
    const char *from;
    int wrong = 0;

    file_of_another();
    from = with_control_socket();
    for (const char *line = from; line < from + size; line = strchr(line, '\n') + 1) {
        const char *next = strchr(line, '\n') + 1;
        size_t head = (size_t)(line - from);
        size_t length = (size_t)(next - line);
        static char without[1 << 16];
        static char twice[1 << 16];

        memcpy(without, from, head);
        memcpy(without + head, next, size - head - length);
        memcpy(twice, from, head + length);
        memcpy(twice + head + length, line, size - head);
        if (fork() == 0) {
            struct carrier carrier = read_text(without, size - length);

            _exit(!has_fault(&carrier));
        }
        wait(&wrong);
        if (!CHECK_INT(wrong, 0))
            printf("# without %.*s\n", (int)length - 1, line);
        if (fork() == 0) {
            struct carrier carrier = read_text(twice, size + length);

            _exit(!has_fault(&carrier));
        }
        wait(&wrong);
        if (!CHECK_INT(wrong, 0))
            printf("# twice %.*s\n", (int)length - 1, line);
    }
}

TEST("another version, and the library of a generation that speaks another one")
{
    struct carrier carrier = carrier_from("tfpreload-state=99\n", 19);
    struct state_head head = {0};
    char *from;
    char *line;

    carry_head(&carrier, &head);
    CHECK_TEXT(carrier.fault, "the state is of version 99, and this tfhelper reads version 1");
    file_of_another();
    from = with_control_socket();
    line = strstr(from, "\nlibrary=3\n");
    REQUIRE(CHECK(line != NULL));
    line[strlen("\nlibrary=")] = '9';
    carrier = read_text(from, size);
    CHECK_PART(carrier.fault, "the library of generation 3 speaks version 9");
}
