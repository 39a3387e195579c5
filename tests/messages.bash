#!/usr/bin/env bash
#
# For tests that speak to the helper by hand.
# shellcheck disable=SC2154 # variables of the helpers

# know_messages: what peer.py and others have to know of struct message, as the compiler lays it out
know_messages() {
    export PROTOCOL=$ROOT/preload/wire/protocol.h
    printf '#include "%s"\n#include <stdio.h>\n%s\n' "$PROTOCOL" \
        'int main(void) { printf("%zu", sizeof(struct message)); }' | gcc -x c -o size -
    MESSAGE_SIZE=$(./size)
    export MESSAGE_SIZE
}
