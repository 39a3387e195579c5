/*
 * Which version glibc's oldest symbols carry: that of its first release for an architecture. What
 * has moved between its libraries or was given a newer version since is there under this one as
 * well, and a program that asks for it runs on every system.
 *
 * The library beside this file is linked with in the place of glibc's, and never loaded: it has
 * such symbols under this version alone. For other libcs and architectures it has none.
 */
#include <limits.h> // for __GLIBC__, which any libc's own header defines or leaves out

#ifndef __GLIBC__
#elif defined __x86_64__ && defined __ILP32__
#define BASELINE GLIBC_2.16
#elif defined __x86_64__
#define BASELINE GLIBC_2.2.5
#elif defined __i386__
#define BASELINE GLIBC_2.0
#elif defined __aarch64__ && defined __LP64__ && defined __AARCH64EL__
#define BASELINE GLIBC_2.17
#elif defined __arm__ && defined __ARM_EABI__
#define BASELINE GLIBC_2.4
#elif defined __powerpc64__ && defined __LITTLE_ENDIAN__
#define BASELINE GLIBC_2.17
#elif defined __riscv && __riscv_xlen == 64
#define BASELINE GLIBC_2.27
#elif defined __s390x__
#define BASELINE GLIBC_2.2
#endif
