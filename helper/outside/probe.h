/* TFPRELOAD_READY=exec:COMMAND: a command that succeeds once the new generation is ready. */
#ifndef TFHELPER_PROBE_H
#define TFHELPER_PROBE_H

struct generation;

/* Run the probe for a generation that starts; again after each failure, until end_probe(). */
void run_probe(struct generation *generation);

void end_probe(struct generation *generation);

#endif
