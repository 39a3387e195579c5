/* The runtime of a sanitizer, which may not want to be loaded behind another library. */
#ifndef TFHELPER_SANITIZER_H
#define TFHELPER_SANITIZER_H

#include <stdbool.h>

/*
 * Does the command end at once where a library comes before its AddressSanitizer's runtime? Our
 * library says that one may: preload/calls/sanitizer_calls.c. A program that has such options of
 * its own is asked first, and that is that. False, too, where the file cannot be read.
 */
bool insists_on_coming_first(void);

#endif
