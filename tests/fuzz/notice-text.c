/* What servers tell their service manager: helper/outside/notice_text.c. */
#include "helper/outside/notice_text.h"

#include "fuzz.h"

static void look_at(const char *out, struct notice_told told)
{
    static const char *const ours[] = {"MAINPID", "NOTIFYACCESS", "BARRIER", "WATCHDOG=trigger"};

    HOLDS(told.size < NOTICE_SIZE);
    HOLDS(told.extension >= 0);
    for (size_t i = 0; i < told.size; i++)
        HOLDS(out[i] == '\n' || (unsigned char)out[i] >= ' ');
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        const char *found = memmem(out, told.size, ours[i], strlen(ours[i]));

        HOLDS(!found || (found != out && found[-1] != '\n'));
    }
}

static void try_input(const uint8_t *data, size_t size)
{
    char *out = malloc(NOTICE_SIZE);

    HOLDS(out != NULL);
    for (int ready = 0; ready < 2 && size < NOTICE_SIZE; ready++) {
        char *text = text_of(data, size);

        look_at(out, read_notice(text, ready, out));
        free(text);
    }
    free(out);
}
