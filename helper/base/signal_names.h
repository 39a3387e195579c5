/* The names of signals, as kill(1) has them: "HUP". */
#ifndef TFHELPER_SIGNAL_NAMES_H
#define TFHELPER_SIGNAL_NAMES_H

/* NULL for one that has none: a real-time signal. (sigabbrev_np(3) is in glibc alone, since 2.32.)
 */
const char *name_of_signal(int number);

/* The number behind a name, with SIG in front or without; 0 if there is none. */
int signal_of_name(const char *name);

#endif
