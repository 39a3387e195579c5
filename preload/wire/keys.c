/*
 * Two binds are the same if the program asked for the same thing: family, type,
 * protocol, address, device. The helper compares keys as bytes, so what does
 * not count is zero.
 */
#include "keys.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/un.h>

#include "preload/kernel/file_status.h"
#include "preload/kernel/kernel.h"

static int int_option(int fd, int level, int name)
{
    int value = 0;
    socklen_t length = sizeof value;

    return kernel_getsockopt(fd, level, name, &value, &length) == -1 ? 0 : value;
}

/* Some programs pass a length that is larger than the address (a sockaddr_storage): ip(7). */
static void trim_internet_address(struct listener_key *key)
{
    size_t length = offsetof(struct sockaddr_in, sin_zero);

    if (key->family == AF_INET6) {
        length = sizeof(struct sockaddr_in6);
        memset(key->address + offsetof(struct sockaddr_in6, sin6_flowinfo), 0, sizeof(uint32_t));
    }
    memset(key->address + length, 0, ADDRESS_LENGTH - length);
    key->address_length = (uint32_t)length;
}

/*
 * Where an address needs a scope id, that is the device, and it wins over the one
 * that was set before (inet6_bind() in the kernel); elsewhere it does not count.
 * Who asks before bind() knows one of the two, who asks after it finds both.
 */
static void replace_scope_by_device(int fd, struct listener_key *key)
{
    struct sockaddr_in6 address;
    struct ifreq request;

    memcpy(&address, key->address, sizeof address);
    memset(&request, 0, sizeof request);
    request.ifr_ifindex = (int)address.sin6_scope_id;
    if ((IN6_IS_ADDR_LINKLOCAL(&address.sin6_addr) ||
         IN6_IS_ADDR_MC_LINKLOCAL(&address.sin6_addr) ||
         IN6_IS_ADDR_MC_NODELOCAL(&address.sin6_addr)) &&
        syscall(SYS_ioctl, fd, SIOCGIFNAME, &request) == 0)
        memcpy(key->device, request.ifr_name, DEVICE_LENGTH);
    memset(key->address + offsetof(struct sockaddr_in6, sin6_scope_id), 0, sizeof(uint32_t));
}

/*
 * bind(2) to anything but the wildcard, or an IPv4 address in disguise, makes the
 * socket an IPv6 one for good (__inet6_bind() in the kernel): who asks before it
 * and who asks after it must be told the same.
 */
static int is_v6only(int fd, const struct listener_key *key)
{
    struct sockaddr_in6 address;

    memcpy(&address, key->address, sizeof address);
    return IN6_IS_ADDR_UNSPECIFIED(&address.sin6_addr) || IN6_IS_ADDR_V4MAPPED(&address.sin6_addr)
               ? int_option(fd, IPPROTO_IPV6, IPV6_V6ONLY)
               : 1;
}

void set_file_identity(struct listener_key *key, uint64_t device, uint64_t inode)
{
    const sa_family_t family = AF_UNIX;
    const uint64_t identity[2] = {device, inode};

    memset(key->address, 0, ADDRESS_LENGTH);
    memcpy(key->address, &family, sizeof family);
    key->address[sizeof family] = UNIX_FILE_MARK;
    memcpy(key->address + FILE_IDENTITY_LENGTH - sizeof identity, identity, sizeof identity);
    key->address_length = FILE_IDENTITY_LENGTH;
}

void add_file_name(struct listener_key *key, const char *name)
{
    size_t length = strlen(name);

    if (length > LONGEST_FILE_NAME)
        return;
    memcpy(key->address + FILE_IDENTITY_LENGTH, name, length);
    key->address_length = FILE_IDENTITY_LENGTH + (uint32_t)length;
}

struct file_identity identity_of(const struct listener_key *key)
{
    struct file_identity file = {0};
    uint64_t identity[2];

    memcpy(identity, key->address + FILE_IDENTITY_LENGTH - sizeof identity, sizeof identity);
    file.device = identity[0];
    file.inode = identity[1];
    memcpy(file.name, key->address + FILE_IDENTITY_LENGTH,
           key->address_length - FILE_IDENTITY_LENGTH);
    return file;
}

/* unix(7): a path need not end with NUL; an abstract name begins with one. */
static int identify_unix_file(struct listener_key *key)
{
    char path[sizeof(struct sockaddr_un) + 1] = "";
    size_t start = offsetof(struct sockaddr_un, sun_path);
    struct file_status file;

    if (key->address_length <= start || key->address[start] == '\0')
        return 0;
    memcpy(path, key->address + start, key->address_length - start);
    if (read_file_status(AT_FDCWD, path, 0, &file) == -1)
        return -1;
    if (!S_ISSOCK(file.mode)) {
        errno = ENOENT;
        return -1;
    }
    set_file_identity(key, file.device, file.inode);
    return 0;
}

int listener_key_of(int fd, const struct sockaddr *address, socklen_t length,
                    struct listener_key *key)
{
    socklen_t device_length = sizeof key->device;
    int result = 0;

    memset(key, 0, sizeof *key);
    if (!address) {
        length = sizeof key->address;
        result = kernel_getsockname(fd, key->address, &length);
    }
    if (result == -1 || length > sizeof key->address) {
        errno = EINVAL;
        return -1;
    }
    if (address)
        memcpy(key->address, address, length);
    key->address_length = length;
    key->family = int_option(fd, SOL_SOCKET, SO_DOMAIN);
    key->type = int_option(fd, SOL_SOCKET, SO_TYPE);
    key->protocol = int_option(fd, SOL_SOCKET, SO_PROTOCOL);
    if (key->family == AF_INET6)
        key->v6only = is_v6only(fd, key);
    if (key->family == AF_UNIX)
        return address && length <= sizeof(struct sockaddr_un) ? identify_unix_file(key) : 0;
    trim_internet_address(key);
    kernel_getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, key->device, &device_length);
    if (key->family == AF_INET6)
        replace_scope_by_device(fd, key);
    return 0;
}

bool asks_for_any_port(const struct listener_key *key)
{
    struct sockaddr_in address; /* the port stands at the same place in both families */

    memcpy(&address, key->address, sizeof address);
    return (key->family == AF_INET || key->family == AF_INET6) && address.sin_port == 0;
}
