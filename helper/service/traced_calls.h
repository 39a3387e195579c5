/* What programs that are traced call for: helper/trace. */
#ifndef TFHELPER_TRACED_CALLS_H
#define TFHELPER_TRACED_CALLS_H

/* Be the one who answers them, before any generation is started. */
void answer_traced_calls(void);

#endif
