"""metrics.py FILE: complains of what a collector of Prometheus' text format would not take.

Each family has one HELP and one TYPE, before its samples, and its samples stand together; each
series is there once; names, labels and values have the form that they should.
"""

import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(r"(%s)(\{%s(?:,%s)*\})? (-?[0-9]+(?:\.[0-9]+)?)" % (NAME, LABEL, LABEL))
text = open(sys.argv[1], encoding="utf-8").read()
helped, typed, series, families = {}, {}, set(), []


def complain(what):
    sys.exit(f"metrics: {what}")


if not text.endswith("\n"):
    complain("the last line has no end")
for line in text[:-1].split("\n"):
    comment = re.fullmatch(r"# (HELP|TYPE) (%s) (.+)" % NAME, line)
    if comment:
        kind, name, rest = comment.groups()
        known = helped if kind == "HELP" else typed
        if name in known or name in families:
            complain(f"a second or late {kind} of {name}")
        if kind == "TYPE" and rest not in ("counter", "gauge"):
            complain(f"{name} is a {rest}")
        known[name] = rest
        continue
    sample = SAMPLE.fullmatch(line)
    if not sample:
        complain(f"not a sample: {line!r}")
    name, labels, _ = sample.groups()
    if name not in helped or name not in typed:
        complain(f"{name} has no HELP or no TYPE")
    if (typed[name] == "counter") != name.endswith("_total"):
        complain(f"{name} is a {typed[name]}")
    if (name, labels) in series:
        complain(f"twice: {name}{labels}")
    series.add((name, labels))
    if not families or families[-1] != name:
        if name in families:
            complain(f"{name} does not stand together")
        families.append(name)
