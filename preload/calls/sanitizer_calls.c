/*
 * What the runtime of a sanitizer calls, and that the library exports: see export.h.
 *
 * AddressSanitizer's does not start when another library comes before it, since that
 * might have a malloc() of its own. We have none, and whatever we export goes on to the
 * runtime's version. So the runtime may come second. Options of the program's own come
 * before ours; `tfhelper check` says what to do then.
 */
#include "export.h"

EXPORT(const char *, __asan_default_options, (void))
{
    return "verify_asan_link_order=0";
}
