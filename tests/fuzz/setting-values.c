/* The values of settings: helper/settings/setting_values.c. What is printed is read as the same. */
#include "helper/settings/setting_values.h"

#include "fuzz.h"
#include "helper/base/log.h"

enum { ROOM = sizeof(struct readiness) > 64 ? sizeof(struct readiness) : 64 };

static const struct kind {
    bool (*read)(const char *text, void *value);
    void (*print)(char text[VALUE_TEXT], const void *value);
} kinds[] = {
    {read_upgrade_signal, print_signal}, {read_stop_signal, print_signal},
    {read_timeout, print_timeout},       {read_long_timeout, print_timeout},
    {read_log_level, print_log_level},   {read_log_format, print_log_format},
    {read_readiness, print_readiness},   {read_new_path, print_path},
    {read_directory, print_path},        {read_descriptor, print_descriptor},
};

static void try_kind(const struct kind *kind, const char *text)
{
    _Alignas(16) char value[ROOM] = {0};
    char printed[VALUE_TEXT];
    char again[VALUE_TEXT];

    if (!kind->read(text, value))
        return;
    kind->print(printed, value);
    HOLDS(memchr(printed, '\0', sizeof printed));
    if (strlen(printed) == sizeof printed - 1) /* cut off */
        return;
    HOLDS(kind->read(printed, value));
    kind->print(again, value);
    HOLDS(strcmp(printed, again) == 0);
}

static void try_input(const uint8_t *data, size_t size)
{
    char *text = text_of(data, size);

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        try_kind(&kinds[i], text);
    free(text);
}
