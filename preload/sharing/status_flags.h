/* fcntl() and ioctl() where the status flags of a listener are not what the program believes. */
#ifndef TFPRELOAD_STATUS_FLAGS_H
#define TFPRELOAD_STATUS_FLAGS_H

/* fcntl(2), by `call`: libc has it under two names. Returns and sets errno as that does. */
int program_fcntl(int (*call)(int, int, ...), int fd, int command, long argument);

/* As ioctl(2). */
int program_ioctl(int fd, unsigned long request, void *argument);

#endif
