#include "leftovers.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "activation.h"
#include "helper/base/memory.h"
#include "inheritance.h"
#include "replacements.h"
#include "shrinking_set.h"

/* What the service manager opened outlives us: clients wait there for the next start. */
static bool is_leftover(const struct inherited *item)
{
    return !item->claimed && !is_activated(item->inode);
}

struct inheritance take_leftovers(struct inheritance *inheritance)
{
    struct inheritance leftovers = {NULL, 0};
    size_t kept = 0;

    for (size_t i = 0; i < inheritance->count; i++) {
        const struct inherited *item = &inheritance->item[i];

        if (!is_leftover(item)) {
            inheritance->item[kept++] = *item;
            continue;
        }
        leftovers.item = grow(leftovers.item, leftovers.count + 1, sizeof *leftovers.item);
        leftovers.item[leftovers.count++] = *item;
    }
    inheritance->count = kept;
    return leftovers;
}

/* Datagrams need no permission: whoever sends them does not know of us. */
static void let_nobody_in(const struct inherited *item)
{
    /* drop what asks for a new connection (SYN without ACK), let handshakes complete */
    struct sock_filter drop_syn[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13), /* the flags of a TCP header */
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    struct sock_fprog program = {sizeof drop_syn / sizeof *drop_syn, drop_syn};

    if (item->key.family != AF_UNIX && item->key.type != SOCK_DGRAM &&
        (item->key.protocol == IPPROTO_SCTP ||
         setsockopt(item->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == -1))
        bind_to_no_interface(item->fd);
}

/* With SO_REUSEPORT, another one may go on where this one ends. */
static bool has_claimed_twin(const struct inherited *item, const struct inheritance *others)
{
    for (size_t i = 0; i < others->count; i++)
        if (is_twin(&others->item[i], item))
            return true;
    return false;
}

static void split_sets(struct inheritance *leftovers, const struct inheritance *claimed)
{
    for (size_t i = 0; i < leftovers->count; i++) {
        struct inherited *item = &leftovers->item[i];

        if (is_leftover(item) && has_claimed_twin(item, claimed))
            split_set(item, claimed);
    }
}

size_t hush_leftovers(struct inheritance *inheritance, const struct inheritance *claimed,
                      bool leave_sets)
{
    size_t open = 0;

    if (claimed && leave_sets)
        split_sets(inheritance, claimed);
    for (size_t i = 0; i < inheritance->count; i++) {
        struct inherited *item = &inheritance->item[i];
        bool in_set;

        if (!is_leftover(item))
            continue;
        in_set = claimed && has_claimed_twin(item, claimed);
        if (in_set && !leave_sets)
            open++;
        else if (!in_set || !leave_set(item))
            let_nobody_in(item);
    }
    return open;
}

void welcome_at_leftovers(struct inheritance *inheritance)
{
    int none = 0;

    for (size_t i = 0; i < inheritance->count; i++) {
        struct inherited *item = &inheritance->item[i];

        if (!is_leftover(item))
            continue;
        rejoin_set(item);
        setsockopt(item->fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none);
        setsockopt(item->fd, SOL_SOCKET, SO_BINDTODEVICE, item->key.device,
                   sizeof item->key.device);
    }
    rejoin_twins();
}

size_t queued_on_leftovers(const struct inheritance *inheritance)
{
    size_t waiting = 0;

    for (size_t i = 0; i < inheritance->count; i++)
        if (is_leftover(&inheritance->item[i]))
            waiting += waiting_at(&inheritance->item[i]);
    return waiting;
}

bool is_left_over(struct inheritance *inheritance, uint64_t inode)
{
    const struct inherited *item = find_inherited(inheritance, inode);

    return item && is_leftover(item);
}
