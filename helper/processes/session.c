#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper/base/carry.h"
#include "helper/base/memory.h"
#include "helper/kernel/random.h"
#include "helper/settings/settings.h"
#include "preload/wire/protocol.h"

static char name[SESSION_NAME_LENGTH + 1];
static uint8_t secret[SECRET_LENGTH]; /* of the session; its second half is not used */

/* What each generation knows beside that, and no other one. */
static struct {
    unsigned generation;
    uint8_t secret[GENERATION_SECRET_LENGTH];
} * secrets;
static size_t secret_count;

/* As whoever connects sees the opener of the control socket: unix(7), SO_PEERCRED. */
static pid_t opener;
static uid_t opener_user;

static void print_bytes(char *text, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

int make_name(char text[SESSION_NAME_LENGTH + 1])
{
    uint8_t random[SESSION_NAME_LENGTH / 2];

    if (read_random(random, sizeof random) == -1)
        return -1;
    print_bytes(text, random, sizeof random);
    return 0;
}

int name_session(void)
{
    if (make_name(name) == -1 || read_random(secret, sizeof secret) == -1)
        return -1;
    opener = getpid();
    opener_user = geteuid();
    return 0;
}

const uint8_t *session_secret(void)
{
    return secret;
}

const char *control_name(void)
{
    static char text[sizeof SOCKET_PREFIX + SESSION_NAME_LENGTH];

    snprintf(text, sizeof text, SOCKET_PREFIX "%s", name);
    return text;
}

/* NULL: it has never been executed. */
static const uint8_t *secret_of(unsigned generation)
{
    for (size_t i = 0; i < secret_count; i++)
        if (secrets[i].generation == generation)
            return secrets[i].secret;
    return NULL;
}

/* Zeros where there is no randomness: then nobody can be told by it, see knows_generation(). */
static const uint8_t *make_secret(unsigned generation)
{
    secrets = grow(secrets, secret_count + 1, sizeof *secrets);
    memset(&secrets[secret_count], 0, sizeof *secrets);
    secrets[secret_count].generation = generation;
    if (read_random(secrets[secret_count].secret, GENERATION_SECRET_LENGTH) == -1)
        memset(secrets[secret_count].secret, 0, GENERATION_SECRET_LENGTH);
    return secrets[secret_count++].secret;
}

bool knows_generation(unsigned generation, const uint8_t told[SECRET_LENGTH])
{
    static const uint8_t none[GENERATION_SECRET_LENGTH];
    const uint8_t *own = secret_of(generation);

    return own && memcmp(own, none, sizeof none) != 0 &&
           memcmp(own, told + SESSION_SECRET_LENGTH, GENERATION_SECRET_LENGTH) == 0;
}

void session_text(unsigned generation, char text[SESSION_TEXT])
{
    char digits[2 * SECRET_LENGTH + 1];

    print_bytes(digits, secret, SESSION_SECRET_LENGTH);
    print_bytes(digits + (size_t)2 * SESSION_SECRET_LENGTH,
                secret_of(generation) ? secret_of(generation) : make_secret(generation),
                GENERATION_SECRET_LENGTH);
    snprintf(text, SESSION_TEXT, SESSION_FORMAT, PROTOCOL_VERSION, name, generation, (int)getpid(),
             settings.upgrade_signal, (int)opener, (unsigned)opener_user, digits);
}

unsigned generation_of_session(const char *text)
{
    const size_t version = strspn(text, "0123456789"); /* of the helper that started it */

    text += version;
    if (version == 0 || *text != '/' || strncmp(text + 1, name, SESSION_NAME_LENGTH) != 0 ||
        text[1 + SESSION_NAME_LENGTH] != '/')
        return 0;
    return (unsigned)strtoul(text + 2 + SESSION_NAME_LENGTH, NULL, 10);
}

enum { MOST_SECRETS = 1 << 20 };

static void carry_generation_secrets(struct carrier *carrier)
{
    size_t count = carry_count(carrier, "secrets", secret_count, MOST_SECRETS);

    if (is_reading(carrier)) {
        secrets = grow(secrets, count + 1, sizeof *secrets);
        memset(secrets, 0, count * sizeof *secrets);
        secret_count = count;
    }
    for (size_t i = 0; i < count; i++) {
        secrets[i].generation =
            (unsigned)carry_number(carrier, "secret-of", secrets[i].generation, 1, UINT32_MAX);
        carry_bytes(carrier, "secret", secrets[i].secret, sizeof secrets[i].secret);
    }
}

void carry_session(struct carrier *carrier)
{
    carry_text(carrier, "session", name, sizeof name);
    if (strspn(name, "0123456789abcdef") != SESSION_NAME_LENGTH)
        refuse_carried(carrier, "the name of the session is none");
    carry_bytes(carrier, "session-secret", secret, sizeof secret);
    opener = (pid_t)carry_number(carrier, "opener", opener, 1, INT32_MAX);
    opener_user = (uid_t)carry_number(carrier, "opener-user", opener_user, 0, UINT32_MAX);
    carry_generation_secrets(carrier);
}
