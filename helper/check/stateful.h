/* Programs that keep something for their clients which two generations cannot both have. */
#ifndef TFHELPER_STATEFUL_H
#define TFHELPER_STATEFUL_H

/*
 * What there is to say to an operator of this program, which is known by its name alone: a sentence
 * that begins behind that name, or NULL.
 */
const char *what_it_keeps(const char *path);

#endif
