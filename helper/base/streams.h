/* The helper's own standard streams. */
#ifndef TFHELPER_STREAMS_H
#define TFHELPER_STREAMS_H

/*
 * Put something in the place of each standard stream that is closed, so that no
 * descriptor of ours comes to be one. Whatever we execute finds it closed still.
 */
void open_missing_streams(void);

/*
 * A daemon lets go of its standard streams, so that whoever reads the other end
 * of a pipe sees its end. A log file is worth keeping; else the log goes to
 * syslog.
 */
void let_go_of_streams(void);

#endif
