/*
 * A process opens a connection first and answers then, and a busy machine lets it
 * wait in between. To repeat an order meanwhile costs the server the same work
 * again, and to look into /proc takes the time that reading the answer needs.
 */
#include "speakers.h"

#include <stddef.h>
#include <stdint.h>

#include "helper/base/clock.h"
#include "helper/base/memory.h"

/* Who has been silent for so long may have been stopped, or left its connection to a child. */
static const int64_t silence = SECOND;

static struct speaker {
    pid_t pid;
    unsigned connections;
    int64_t heard;
} * speakers;
static size_t speaker_count;

static struct speaker *find_speaker(pid_t pid)
{
    for (size_t i = 0; i < speaker_count; i++)
        if (speakers[i].pid == pid)
            return &speakers[i];
    return NULL;
}

void speaker_came(pid_t pid)
{
    struct speaker *speaker = find_speaker(pid);

    if (!speaker) {
        speakers = grow(speakers, speaker_count + 1, sizeof *speakers);
        speaker = &speakers[speaker_count++];
        *speaker = (struct speaker){.pid = pid};
    }
    speaker->connections++;
    speaker->heard = now();
}

void speaker_heard(pid_t pid)
{
    struct speaker *speaker = find_speaker(pid);

    if (speaker)
        speaker->heard = now();
}

void speaker_left(pid_t pid)
{
    struct speaker *speaker = find_speaker(pid);

    if (speaker && --speaker->connections == 0)
        *speaker = speakers[--speaker_count];
}

bool is_speaking(pid_t pid)
{
    const struct speaker *speaker = find_speaker(pid);

    return speaker && now() - speaker->heard < silence;
}
