/*
 * An upgrade of these succeeds like any other, and no request is lost; but `get` finds nothing
 * afterwards, or the new one cannot open its files. Nothing that could be looked at tells it
 * before, so here are those that are well known. Whoever is missing is treated like all others.
 */
#include "stateful.h"

#include <stddef.h>
#include <string.h>

static const char in_memory[] =
    "keeps what its clients have stored in memory, and a new generation starts without: with its "
    "persistence on, TFPRELOAD_OVERLAP=no hands it on";
static const char in_memory_alone[] =
    "keeps what its clients have stored in memory alone, and a new generation starts without";
static const char in_files[] =
    "has files that one process may open at a time: set TFPRELOAD_OVERLAP=no";

static const struct {
    const char *name;
    const char *keeps;
} known[] = {
    {"redis-server", in_memory},   {"valkey-server", in_memory},
    {"keydb-server", in_memory},   {"tarantool", in_memory},
    {"beanstalkd", in_memory},     {"mosquitto", in_memory},
    {"gearmand", in_memory},       {"memcached", in_memory_alone},
    {"varnishd", in_memory_alone}, {"nats-server", in_memory_alone},
    {"ngircd", in_memory_alone},   {"inspircd", in_memory_alone},
    {"postgres", in_files},        {"mariadbd", in_files},
    {"mysqld", in_files},          {"slapd", in_files},
    {"mongod", in_files},          {"etcd", in_files},
    {"prometheus", in_files},      {"influxd", in_files},
};

const char *what_it_keeps(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].keeps;
    return NULL;
}
