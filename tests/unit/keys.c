/* Under which key a successor asks for a listener: preload/wire/keys.c. */
#include "preload/wire/keys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/un.h>

#include "unit.h"

static struct listener_key key, other;

static struct sockaddr_in ipv4(const char *text, unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    inet_pton(AF_INET, text, &address.sin_addr);
    return address;
}

static struct sockaddr_in6 ipv6(const char *text, unsigned port)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};

    inet_pton(AF_INET6, text, &address.sin6_addr);
    return address;
}

/* The key of a new socket for this address, or of -1 where it is refused; its own descriptor. */
static int key_for(int family, int type, const void *address, size_t length,
                   struct listener_key *result)
{
    int fd = socket(family, type | SOCK_CLOEXEC, 0);

    REQUIRE(CHECK(fd != -1));
    REQUIRE(CHECK_INT(listener_key_of(fd, address, (socklen_t)length, result), 0));
    return fd;
}

static bool same(void)
{
    return memcmp(&key, &other, sizeof key) == 0;
}

TEST("who asks before bind() and who asks after it get one key")
{
    struct sockaddr_in address = ipv4("127.0.0.1", 0);
    int fd = key_for(AF_INET, SOCK_STREAM, &address, sizeof address, &key);
    socklen_t length = sizeof address;

    REQUIRE(CHECK_INT(bind(fd, (struct sockaddr *)&address, sizeof address), 0));
    getsockname(fd, (struct sockaddr *)&address, &length);
    listener_key_of(fd, (struct sockaddr *)&address, sizeof address, &key);
    CHECK_INT(listener_key_of(fd, NULL, 0, &other), 0);
    CHECK(same());
    CHECK_INT(key.family, AF_INET);
    CHECK_INT(key.type, SOCK_STREAM);
    CHECK_INT(key.protocol, IPPROTO_TCP);
}

TEST("what stands behind an address is not part of it")
{
    struct sockaddr_storage large;
    struct sockaddr_in address = ipv4("127.0.0.1", 80);

    memset(&large, 'x', sizeof large);
    memcpy(&large, &address, sizeof address);
    memset((char *)&large + offsetof(struct sockaddr_in, sin_zero), 'x', 8);
    key_for(AF_INET, SOCK_STREAM, &address, sizeof address, &key);
    key_for(AF_INET, SOCK_STREAM, &large, sizeof large, &other);
    CHECK(same());
}

TEST("address, port, type and family make a difference")
{
    struct sockaddr_in address = ipv4("127.0.0.1", 80);
    struct sockaddr_in port = ipv4("127.0.0.1", 81);
    struct sockaddr_in host = ipv4("127.0.0.2", 80);

    key_for(AF_INET, SOCK_STREAM, &address, sizeof address, &key);
    key_for(AF_INET, SOCK_STREAM, &port, sizeof port, &other);
    CHECK(!same());
    key_for(AF_INET, SOCK_STREAM, &host, sizeof host, &other);
    CHECK(!same());
    key_for(AF_INET, SOCK_DGRAM, &address, sizeof address, &other);
    CHECK(!same());
}

TEST("the flow label of an IPv6 address does not count, nor a scope where none is needed")
{
    struct sockaddr_in6 address = ipv6("::1", 80);

    key_for(AF_INET6, SOCK_STREAM, &address, sizeof address, &key);
    address.sin6_flowinfo = 77;
    address.sin6_scope_id = 1;
    key_for(AF_INET6, SOCK_STREAM, &address, sizeof address, &other);
    CHECK(same());
    CHECK_TEXT(other.device, "");
}

TEST("the scope of a link-local address is its device")
{
    struct sockaddr_in6 address = ipv6("fe80::1", 80);

    address.sin6_scope_id = 1;
    key_for(AF_INET6, SOCK_STREAM, &address, sizeof address, &key);
    CHECK_TEXT(key.device, "lo");
    address.sin6_scope_id = 0;
    key_for(AF_INET6, SOCK_STREAM, &address, sizeof address, &other);
    CHECK(!same());
}

TEST("IPV6_V6ONLY counts for the wildcard; elsewhere bind() will set it")
{
    struct sockaddr_in6 wildcard = ipv6("::", 80);
    struct sockaddr_in6 address = ipv6("::1", 80);
    int on = 1;
    int fd = key_for(AF_INET6, SOCK_STREAM, &wildcard, sizeof wildcard, &key);

    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    listener_key_of(fd, (struct sockaddr *)&wildcard, sizeof wildcard, &other);
    CHECK_INT(other.v6only, 1);
    CHECK(!same());
    key_for(AF_INET6, SOCK_STREAM, &address, sizeof address, &key);
    listener_key_of(fd, (struct sockaddr *)&address, sizeof address, &other);
    CHECK(same());
}

TEST("port 0 leaves the choice to the kernel")
{
    struct sockaddr_in any = ipv4("127.0.0.1", 0);
    struct sockaddr_in6 six = ipv6("::", 0);
    struct sockaddr_in chosen = ipv4("127.0.0.1", 80);
    struct sockaddr_un path = {.sun_family = AF_UNIX};

    key_for(AF_INET, SOCK_STREAM, &any, sizeof any, &key);
    CHECK(asks_for_any_port(&key));
    key_for(AF_INET6, SOCK_DGRAM, &six, sizeof six, &key);
    CHECK(asks_for_any_port(&key));
    key_for(AF_INET, SOCK_STREAM, &chosen, sizeof chosen, &key);
    CHECK(!asks_for_any_port(&key));
    key_for(AF_UNIX, SOCK_STREAM, &path, sizeof(sa_family_t), &key);
    CHECK(!asks_for_any_port(&key));
}

TEST("an abstract name is itself, NULs and length included")
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "\0unit"};
    size_t length = offsetof(struct sockaddr_un, sun_path) + 5;

    key_for(AF_UNIX, SOCK_STREAM, &address, length, &key);
    key_for(AF_UNIX, SOCK_STREAM, &address, length, &other);
    CHECK(same());
    key_for(AF_UNIX, SOCK_STREAM, &address, length + 1, &other);
    CHECK(!same());
}

TEST("a unix path is the file that it leads to")
{
    char directory[] = "/tmp/unit-XXXXXX";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct sockaddr_un linked = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    REQUIRE(CHECK(mkdtemp(directory) != NULL));
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", directory);
    snprintf(linked.sun_path, sizeof linked.sun_path, "%s/link", directory);
    CHECK_INT(listener_key_of(fd, (struct sockaddr *)&address, sizeof address, &key), -1);
    CHECK_INT(errno, ENOENT);
    REQUIRE(CHECK_INT(bind(fd, (struct sockaddr *)&address, sizeof address), 0));
    REQUIRE(CHECK_INT(symlink("socket", linked.sun_path), 0));
    key_for(AF_UNIX, SOCK_STREAM, &address, sizeof address, &key);
    key_for(AF_UNIX, SOCK_STREAM, &linked, sizeof linked, &other);
    CHECK(same());
    unlink(linked.sun_path);
    unlink(address.sun_path);
    rmdir(directory);
}

TEST("a path that leads to something else can be inherited by nobody")
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/tmp"};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK_INT(listener_key_of(fd, (struct sockaddr *)&address, sizeof address, &key), -1);
    CHECK_INT(errno, ENOENT);
}

TEST("an address that is longer than any is refused")
{
    char large[ADDRESS_LENGTH + 1] = "";
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK_INT(listener_key_of(fd, (struct sockaddr *)large, sizeof large, &key), -1);
    CHECK_INT(errno, EINVAL);
    CHECK_INT(listener_key_of(fd, (struct sockaddr *)large, UINT32_MAX, &key), -1);
    CHECK_INT(listener_key_of(-1, NULL, 0, &key), -1);
}
