/* What a server's notice says, sd_notify(3): a pure function of the text, which may be anything. */
#ifndef TFHELPER_NOTICE_TEXT_H
#define TFHELPER_NOTICE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of a text with the NUL at its end: a longer notice is none. */
enum { NOTICE_SIZE = 4096 };

struct notice_told {
    bool ready;
    bool stores; /* the descriptors that came along are for the manager to keep */
    bool extends;
    int64_t extension; /* nanoseconds that it needs longer to start, from now */
    size_t size;       /* of what is for the manager */
};

/*
 * Read the lines of `text`, which are cut apart. Those that are for the manager go to `out`, plain
 * and with a newline between them, but without a NUL; READY=1 is one of them only of a generation
 * that `has_been_ready`: else the helper says it.
 */
struct notice_told read_notice(char *text, bool has_been_ready, char out[NOTICE_SIZE]);

#endif
