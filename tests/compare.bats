#!/usr/bin/env bats
#
# scripts/bench compare, with two ways and one short round: that table, JSON and plot are there, and
# tell of the same run.
# shellcheck disable=SC2154 # variables of bats

load helpers

compare() {
    PYTHONDONTWRITEBYTECODE=1 python3 "$ROOT/scripts/compare/run.py" --build "$BUILD" --out results --rounds 1 --upgrades 1 "$@"
}

@test "bench compare: an upgrade loses nothing, a stop and start does, and all three outputs say so" {
    requires python3 jq
    compare --way "stop and start" --way "tfpreload: epoll-level" >table
    diff table results/compare.md
    equal "$(jq -r '.ways[] | "\(.way) \(.upgrades_seen) \(.failed > 0)"' results/compare.json)" \
        $'stop and start 1 true\ntfpreload: epoll-level 1 false'
    jq -e '.ways[] | .requests > 300 and .signal_to_new_ms >= 100 and .longest_gap_ms > 0 and .memory_kib > 0 and
        (.series | [.old, .new, .failed, .p99_ms] | all(length == 150))' results/compare.json
    # each way has its row and its small plot, with the same count of failures
    jq -r '.ways[] | "| \(.way) | \(.requests) | \(.failed)"' results/compare.json >rows
    while read -r row; do
        grep -qF -e "$row" table || fail "not in the table: $row"
    done <rows
    python3 - results/compare.svg >titles <<'PYTHON'
import sys
import xml.etree.ElementTree as tree

for group in tree.parse(sys.argv[1]).iter("{http://www.w3.org/2000/svg}g"):
    print(" / ".join(text.text for text in group.findall("{http://www.w3.org/2000/svg}text")[:2]))
PYTHON
    equal "$(<titles)" "stop and start / $(jq '.ways[0].failed' results/compare.json) failed
tfpreload: epoll-level / upgrade"
}

@test "bench compare: a way that nobody knows is a usage error" {
    run compare --way huptime
    equal "$status" 2
    [[ $output == *"'huptime' is none of: no restarts, "* ]] || fail "$output"
}
