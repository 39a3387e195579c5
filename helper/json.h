/* Text as a JSON string. */
#ifndef TFHELPER_JSON_H
#define TFHELPER_JSON_H

#include <stddef.h>

/*
 * Write `text` with its quotes into `out`, escaped as RFC 8259 asks; bytes that
 * are not ASCII stay as they are. What does not fit is left out. Returns out.
 */
const char *json_string(const char *text, char *out, size_t size);

#endif
