/* Programs that gain privileges when they are executed. */
#ifndef TFHELPER_PRIVILEGES_H
#define TFHELPER_PRIVILEGES_H

enum privileges { NO_PRIVILEGES, SET_ID, CAPABILITIES };

/*
 * What we would gain by executing this open file. If anything, the dynamic
 * loader ignores LD_PRELOAD (ld.so(8), secure-execution mode).
 */
enum privileges find_privileges(int file);

#endif
