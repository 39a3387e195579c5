/*
 * A classic BPF program needs no privilege and can read the headers of a datagram, but it has no
 * tables: so what it compares stands in its instructions, of which it may have 4096. It hashes
 * where the datagram comes from to 32 bits and searches for that, first by halves, and among the
 * last few one after the other. Who has the same hash as a peer of an old generation is
 * served by that.
 *
 * The data of a datagram begin behind its UDP header, and the headers are found from SKF_NET_OFF:
 * see reuseport_select_sock() in the kernel. In IPv6, who puts an extension before the UDP header
 * is nobody's peer.
 */
#include "routes.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "helper/base/clock.h"
#include "helper/base/memory.h"
#include "helper/kernel/random.h"
#include "peers.h"
#include "preload/wire/peer_table.h"

/* Jumps on a condition reach 255 instructions, and the last few of a search have to. */
enum { COMPARED_IN_A_ROW = 64 };

struct program {
    struct sock_filter code[BPF_MAXINSNS];
    size_t length;
    uint32_t otherwise;
};

static uint32_t seed(void)
{
    static uint32_t value;

    if (value == 0 && read_random(&value, sizeof value) == -1)
        value = (uint32_t)now();
    return value;
}

uint32_t route_key(const struct seen_peer *peer)
{
    uint32_t hash = seed();
    bool v4 = peer->address[0] == 0 && peer->address[1] == 0 && peer->address[2] == htonl(0xffff);

    for (int i = v4 ? 3 : 0; i < 4; i++)
        hash = mix_peer(hash, ntohl(peer->address[i]));
    return mix_peer(hash, ntohs((uint16_t)peer->port));
}

static void add(struct program *program, struct sock_filter instruction)
{
    if (program->length < BPF_MAXINSNS)
        program->code[program->length] = instruction;
    program->length++;
}

/* The hash is in the first word of memory, the word that is mixed into it in A: mix_peer(). */
static void add_mixing(struct program *program)
{
    const struct sock_filter mixing[] = {
        BPF_STMT(BPF_LDX | BPF_MEM, 0),
        BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
        BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, PEER_MULTIPLIER),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, PEER_SHIFT),
        BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
        BPF_STMT(BPF_ST, 0),
    };

    for (size_t i = 0; i < sizeof mixing / sizeof *mixing; i++)
        add(program, mixing[i]);
}

static void add_word(struct program *program, uint32_t offset)
{
    add(program,
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_NET_OFF + offset));
    add_mixing(program);
}

static void add_return(struct program *program, uint32_t place)
{
    add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, place));
}

/* The addresses of IPv4, and the port behind a header of any length. */
static void add_hash_of_v4(struct program *program)
{
    add_word(program, 12);
    add(program, (struct sock_filter)BPF_STMT(BPF_LDX | BPF_MSH | BPF_B, (uint32_t)SKF_NET_OFF));
    add(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_H | BPF_IND, (uint32_t)SKF_NET_OFF));
    add_mixing(program);
}

static void add_hash_of_v6(struct program *program)
{
    add(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_NET_OFF + 6));
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 1, 0));
    add_return(program, program->otherwise);
    for (uint32_t offset = 8; offset < 24; offset += 4)
        add_word(program, offset);
    add(program,
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)SKF_NET_OFF + 40));
    add_mixing(program);
}

/* The jump at this place leads to here. */
static void land(struct program *program, size_t jump)
{
    if (jump < BPF_MAXINSNS)
        program->code[jump].k = (uint32_t)(program->length - jump - 1);
}

static void add_hash(struct program *program)
{
    size_t to_v6;
    size_t to_search;

    add(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, seed()));
    add(program, (struct sock_filter)BPF_STMT(BPF_ST, 0));
    add(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_NET_OFF));
    add(program, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4));
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4, 1, 0));
    to_v6 = program->length;
    add(program, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
    add_hash_of_v4(program);
    to_search = program->length;
    add(program, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
    land(program, to_v6);
    add_hash_of_v6(program);
    land(program, to_search);
    add(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_MEM, 0));
}

/* A row of comparisons, behind it a return for each place that occurs in it, in their order. */
static void add_row(struct program *program, const struct route *routes, size_t count)
{
    uint32_t places[COMPARED_IN_A_ROW];
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        size_t k = 0;

        while (k < used && places[k] != routes[i].place)
            k++;
        if (k == used)
            places[used++] = routes[i].place;
        /* over the rest of the row, and the return that is for who is not in it */
        add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, routes[i].key,
                                                  (uint8_t)(count - 1 - i + 1 + k), 0));
    }
    add_return(program, program->otherwise);
    for (size_t k = 0; k < used; k++)
        add_return(program, places[k]);
}

/* By halves: a stack of what is still to be written would be no shorter than this. */
static void add_search(struct program *program, const struct route *routes, size_t count)
{
    size_t half = count / 2;
    size_t to_upper;

    if (count <= COMPARED_IN_A_ROW) {
        add_row(program, routes, count);
        return;
    }
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, routes[half].key, 0, 1));
    to_upper = program->length;
    add(program, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
    add_search(program, routes, half);
    land(program, to_upper);
    add_search(program, routes + half, count - half);
}

int attach_routes(int fd, const struct route *routes, size_t count, uint32_t otherwise)
{
    struct program *program = allocate(1, sizeof *program);
    struct sock_fprog bytecode;
    int result;

    program->otherwise = otherwise;
    if (count > 0) {
        add_hash(program);
        add_search(program, routes, count);
    } else {
        add_return(program, otherwise);
    }
    bytecode = (struct sock_fprog){(unsigned short)program->length, program->code};
    if (program->length > BPF_MAXINSNS) {
        free(program);
        errno = ENOMEM;
        return -1;
    }
    result = setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &bytecode, sizeof bytecode);
    free(program);
    return result;
}
