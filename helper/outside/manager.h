/* Our own words to the service manager: sd_notify(3), where NOTIFY_SOCKET is set. */
#ifndef TFHELPER_MANAGER_H
#define TFHELPER_MANAGER_H

#include <stdbool.h>
#include <stddef.h>

struct generation;

/* Find the manager's socket in our environment. */
void find_manager(void);

bool has_manager(void);

/* Pass on what a server has said. The descriptors stay the caller's. */
void send_to_manager(const char *text, size_t size, const int *descriptors, size_t count);

/* Tell it of the service. */
void tell_manager_starting(void);
void tell_manager_upgrading(const struct generation *new);
void tell_manager_ready(const struct generation *generation);
void tell_manager_failed(const struct generation *generation, const char *reason);
void tell_manager_rolled_back(const struct generation *failed, const struct generation *old);
void tell_manager_restarted(const struct generation *ended, const struct generation *new,
                            const char *why);
void tell_manager_draining(const struct generation *old, size_t connections);
void tell_manager_ending(void);

#endif
