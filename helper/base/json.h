/* Text as a JSON string. */
#ifndef TFHELPER_JSON_H
#define TFHELPER_JSON_H

#include <stddef.h>

/*
 * Write `text` with its quotes into `out`, escaped as RFC 8259 asks; what is
 * not UTF-8 becomes U+FFFD, and what a terminal would obey is escaped as well. What does not fit is
 * left out. Returns out.
 */
const char *json_string(const char *text, char *out, size_t size);

#endif
