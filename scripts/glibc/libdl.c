/*
 * dladdr() and the others were in libdl.so.2 before glibc 2.34, and are still found when that is
 * loaded. What a program starts with is in libc.so.6; ld takes no second library of that name, and
 * in which of those that are loaded a symbol is found makes no difference.
 *
 * Before glibc 2.34 __libc_start_main() did not look for constructors by itself, and so those of a
 * program that was built on a newer one would not run: tfhelper has none.
 */
#include "baseline.h"

#ifdef BASELINE
void __libc_start_main(void)
{
}

void dladdr(void)
{
}

void dlopen(void)
{
}

void dlsym(void)
{
}
#if defined __i386__ || defined __arm__
/* Its new version (2.28) is one that takes locks of files beyond 2 GiB. */
void fcntl(void)
{
}
#endif
#endif
