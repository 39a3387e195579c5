/*
 * small-stack PORT: serves on PORT as the C code of a Go program might. Clients are waited for by a
 * system call of its own, on a stack that has no room for a signal handler (a goroutine's); a large
 * one is there for handlers that ask for it. It exports the function by which Go is known.
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { PAGE = 4096, LEFT = 1500, HANDLER_STACK = 256 * 1024 };

static int listener;

__attribute__((visibility("default"))) void crosscall2(void);
void crosscall2(void)
{
}

static void check(int result, const char *what)
{
    if (result == -1) {
        perror(what);
        exit(1);
    }
}

/* The rest of the page is behind `used`. */
static void serve(void)
{
    volatile char used[PAGE - LEFT];

    used[0] = 0;
    while (used[0] == 0) {
        int client = (int)syscall(SYS_accept4, listener, NULL, NULL, 0);

        syscall(SYS_write, client, "small\n", (size_t)6);
        syscall(SYS_close, client);
    }
}

static void serve_on_small_stack(void)
{
    static ucontext_t here, there;
    char *memory =
        mmap(NULL, (size_t)2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t for_handlers = {.ss_sp = malloc(HANDLER_STACK), .ss_size = HANDLER_STACK};

    check(memory == MAP_FAILED || mprotect(memory, PAGE, PROT_NONE) == -1 ? -1 : 0, "mmap");
    check(sigaltstack(&for_handlers, NULL), "sigaltstack");
    syscall(SYS_getpid); /* the loader finds a function at its first call, which takes more stack */
    check(getcontext(&there), "getcontext");
    there.uc_stack.ss_sp = memory + PAGE;
    there.uc_stack.ss_size = PAGE;
    makecontext(&there, serve, 0);
    swapcontext(&here, &there);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(argc > 1 ? argv[1] : "0")),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int client;

    listener = socket(AF_INET, SOCK_STREAM, 0);
    check(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)), "setsockopt");
    check(bind(listener, (struct sockaddr *)&address, sizeof address), "bind");
    check(listen(listener, 16), "listen");
    client = accept(listener, NULL, NULL); /* so that it is seen to wait for clients */
    check((int)write(client, "large\n", 6), "write");
    close(client);
    serve_on_small_stack();
    return 0;
}
