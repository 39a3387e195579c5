/* The values of settings, each read from its text and printed: helper/settings/setting_values.c. */
#include "helper/settings/setting_values.h"

#include "helper/base/clock.h"
#include "helper/settings/settings.h"
#include "unit.h"

static int signal_in(bool (*read)(const char *text, void *value), const char *text)
{
    int value = -1;
    bool taken = read(text, &value);

    CHECK_INT(taken, value != -1);
    return value;
}

TEST("a signal has a name, with SIG or without, or a number")
{
    CHECK_INT(signal_in(read_upgrade_signal, "HUP"), SIGHUP);
    CHECK_INT(signal_in(read_upgrade_signal, "SIGUSR2"), SIGUSR2);
    CHECK_INT(signal_in(read_upgrade_signal, "10"), SIGUSR1);
    CHECK_INT(signal_in(read_stop_signal, "KILL"), SIGKILL);
    CHECK_INT(signal_in(read_stop_signal, "64"), 64);
}

TEST("what is no signal")
{
    static const char *const texts[] = {"",   "SIG", "hup", "HUP ",     "0",
                                        "-1", "65",  "1x",  "SIGSIGHUP"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        CHECK_INT(signal_in(read_upgrade_signal, texts[i]), -1);
        CHECK_INT(signal_in(read_stop_signal, texts[i]), -1);
    }
}

TEST("signals that have another meaning ask for no upgrade")
{
    static const char *const texts[] = {"KILL", "TERM", "INT", "CONT", "TSTP", "11", "17", "23"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        CHECK_INT(signal_in(read_upgrade_signal, texts[i]), -1);
    CHECK_INT(signal_in(read_stop_signal, "23"), -1); /* SIGURG: the orders' */
}

TEST("a signal is printed by its name, where it has one here")
{
    char text[VALUE_TEXT];
    int number = SIGWINCH;

    print_signal(text, &number);
    CHECK_TEXT(text, "WINCH");
    number = 40;
    print_signal(text, &number);
    CHECK_TEXT(text, "40");
}

/* How `text` is printed after it has been read; NULL where it is refused. */
static const char *readiness_in(const char *text)
{
    static char printed[VALUE_TEXT];
    struct readiness ready = {.by = READY_AUTO, .descriptor = -7};

    if (!read_readiness(text, &ready)) {
        CHECK_INT(ready.descriptor, -7);
        return NULL;
    }
    print_readiness(printed, &ready);
    return printed;
}

TEST("readiness: each kind is printed as it is read")
{
    static const char *const texts[] = {"auto", "notify", "fd:3", "delay:1.5", "exec:nc -z ::1 80"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        CHECK_TEXT(readiness_in(texts[i]), texts[i]);
}

TEST("readiness: what is refused")
{
    static const char *const texts[] = {
        "",      "AUTO",           "auto ",  "fd:",      "fd:2",  "fd:3x",
        "fd:-1", "fd:99999999999", "delay:", "delay:-1", "exec:", "notify:"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        CHECK_TEXT(readiness_in(texts[i]), NULL);
}

TEST("readiness: a command that is too long for a line is cut when it is printed")
{
    char text[2 * VALUE_TEXT];
    const char *printed;

    snprintf(text, sizeof text, "exec:%0*d", VALUE_TEXT, 0);
    printed = readiness_in(text);
    REQUIRE(CHECK(printed != NULL));
    CHECK_INT(strlen(printed), VALUE_TEXT - 1);
}

TEST("log level and format")
{
    enum log_level level = LEVEL_INFO;
    enum log_format format = FORMAT_TEXT;
    char text[VALUE_TEXT];

    CHECK(read_log_level("debug", &level) && level == LEVEL_DEBUG);
    CHECK(!read_log_level("verbose", &level) && level == LEVEL_DEBUG);
    print_log_level(text, &level);
    CHECK_TEXT(text, "debug");
    CHECK(read_log_format("json", &format) && format == FORMAT_JSON);
    CHECK(!read_log_format("JSON", &format) && format == FORMAT_JSON);
    print_log_format(text, &format);
    CHECK_TEXT(text, "json");
}

TEST("a descriptor is open, and none of the first three")
{
    int value = -1;
    char text[VALUE_TEXT];

    snprintf(text, sizeof text, "%d", file_with(""));
    CHECK(read_descriptor(text, &value));
    CHECK_INT(value, atoi(text));
    CHECK(!read_descriptor("2", &value));
    CHECK(!read_descriptor("900", &value));
    CHECK(!read_descriptor("-1", &value));
    CHECK_INT(value, atoi(text));
    value = -1;
    print_descriptor(text, &value);
    CHECK_TEXT(text, "");
}

TEST("paths: a file that can be read, one that can be made, a program")
{
    const char *value = NULL;

    CHECK(read_file_path(path_with("A=1\n"), &value) && value);
    CHECK(!read_file_path("/nonexistent/file", &value));
    CHECK(read_new_path("/tmp/of-no-service.pid", &value));
    CHECK_TEXT(value, "/tmp/of-no-service.pid");
    CHECK(read_new_path("/of-no-service.pid", &value));
    CHECK(!read_new_path("", &value));
    CHECK(!read_new_path("/tmp/", &value));
    CHECK(!read_new_path("/tmp", &value));
    CHECK(!read_new_path("/nonexistent/file", &value));
    CHECK(!read_new_path("/etc/passwd/file", &value));
    CHECK(read_program("/bin/sh", &value));
    CHECK(!read_program("/etc/passwd", &value));
    CHECK(!read_program("/bin", &value));
}
