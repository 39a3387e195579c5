/*
 * How the library exports a function. The six files that do it, NAME_calls.c, are all
 * that is exported: each symbol is a line or two, and what it does stands behind it
 * under a name of its own. tests/exports.list has the same symbols.
 */
#ifndef TFPRELOAD_EXPORT_H
#define TFPRELOAD_EXPORT_H

/*
 * Exports carry no version, so that callers of any version of the name arrive here.
 * The symbol's name is given to the assembler alone: libc's headers declare the
 * same function with transparent unions and fortified inlines.
 */
#define EXPORT(type, symbol, parameters)                                                           \
    type export_##symbol parameters __asm__(#symbol) __attribute__((visibility("default"), used)); \
    type export_##symbol parameters

/* Another name of one that is exported here. */
#define EXPORT_AS(type, symbol, parameters, exported)                                              \
    type export_##symbol parameters __asm__(#symbol)                                               \
        __attribute__((visibility("default"), alias(#exported)))

#endif
