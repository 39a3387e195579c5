/*
 * The kernel sends clients to each socket of a SO_REUSEPORT set as soon as it
 * has joined. A generation that binds more of them than it inherits would get
 * clients there long before it serves them, and they would be reset if it fails.
 *
 * The kernel appends who joins to the set's array, and a classic BPF program on
 * the set says which place of it is taken (socket(7), SO_ATTACH_REUSEPORT_CBPF,
 * Linux 4.6). So until then one keeps to as many places as are inherited.
 */
#include "growing_set.h"

#include <errno.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/socket.h>

#include "endpoints.h"
#include "helper/base/carry.h"
#include "helper/base/log.h"
#include "inheritance.h"
#include "preload/wire/keys.h"
#include "session_ports.h"

static bool left_alone;

/* How many are inherited for this key; one of them into `member`. */
static size_t count_members(struct inheritance *inheritance, const struct listener_key *key,
                            struct inherited **member)
{
    size_t count = 0;

    for (size_t i = 0; i < inheritance->count; i++)
        if (memcmp(&inheritance->item[i].key, key, sizeof *key) == 0) {
            *member = &inheritance->item[i];
            count++;
        }
    return count;
}

/* Spread by the hash of a packet's addresses and ports: a client stays where it is. */
static int attach(int fd, size_t count)
{
    struct sock_filter spread[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_RXHASH)),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, (uint32_t)count),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    struct sock_fprog program = {sizeof spread / sizeof *spread, spread};

    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program);
}

void keep_to_inherited(struct inheritance *inheritance, const struct listener_key *key)
{
    struct inherited *member = NULL;
    size_t count = count_members(inheritance, key, &member);
    char address[ADDRESS_TEXT];

    if (left_alone || !member || member->kept_to || asks_for_any_port(key) ||
        find_session_port(member->inode, NULL)) /* there a program of ours is in force already */
        return;
    if (attach(member->fd, count) == 0)
        member->kept_to = true;
    else /* EINVAL: it is no set until a second one joins */
        log_line(LEVEL_DEBUG, "%s: cannot keep clients from what is bound there: %s",
                 address_text(member, address), strerror(errno));
}

/*
 * Before Linux 5.3 no program can be taken away, but another one put in its place: of one that
 * names no place of the set, the kernel goes by the hash, as it does without any.
 */
static void detach(int fd)
{
    struct sock_filter anywhere = BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
    struct sock_fprog program = {1, &anywhere};
    int none = 0;

    if (setsockopt(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &none, sizeof none) == -1 &&
        errno == ENOPROTOOPT)
        setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program);
}

void open_to_all(struct inheritance *inheritance)
{
    for (size_t i = 0; i < inheritance->count; i++) {
        struct inherited *item = &inheritance->item[i];

        if (item->kept_to)
            detach(item->fd);
        item->kept_to = false;
    }
}

bool are_sets_left_alone(void)
{
    return left_alone;
}

void leave_sets_alone(void)
{
    left_alone = true;
}

void carry_growing_sets(struct carrier *carrier)
{
    left_alone = carry_bool(carrier, "sets-left-alone", left_alone);
}
