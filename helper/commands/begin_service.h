/* What `run` and `adopt` have in common: the process becomes the helper of a service. */
#ifndef TFHELPER_BEGIN_SERVICE_H
#define TFHELPER_BEGIN_SERVICE_H

/* Where /proc is not there, end with one line. */
void require_proc(void);

/* Open what the helper waits on, and whatever else it needs before its first generation. */
void begin_service(void);

/* The text of --help for both: the settings, and the options that every command has. */
void print_common_options(void);

#endif
