"""messages.py README SOURCE...: what the programs say, as their sources have it, and whether the
document explains it. Prints each message of which a part of some length is nowhere in there."""

import re
import sys

CALLS = r"\b(log_line|end_with_error|fail_upgrade|begin_stopping|complain)\("
STRING = r'"((?:[^"\\]|\\.)*)"'
SHORTEST = 9


def arguments(text, start):
    """From behind the opening parenthesis to its end; strings may hold parentheses."""
    depth, at = 1, start
    while depth:
        if text[at] == '"':
            at = re.compile(STRING).match(text, at).end()
            continue
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return text[start : at - 1]


def messages(text):
    for call in re.finditer(CALLS, text):
        given = arguments(text, call.end())
        if "LEVEL_DEBUG" in given:
            continue
        for literal in re.finditer(r"(?:%s\s*)+" % STRING, given):
            yield "".join(re.findall(STRING, literal.group(0)))


def parts(message):
    """What stands between the conversions, without the plural of a number before it."""
    message = message.replace("connection%s", "connections").replace("listener%s", "listeners")
    for part in re.split(r"%[-.*0-9a-z]*?(?:zu|[dsugl]+)", message):
        part = " ".join(part.replace("\\n", " ").split()).strip(" :;,.")
        if len(part) >= SHORTEST:
            yield part


document = " ".join(open(sys.argv[1]).read().replace("`", "").split())
for path in sys.argv[2:]:
    for message in messages(open(path).read()):
        missing = [part for part in parts(message) if part not in document]
        if missing:
            print("%s: %s (%s)" % (path, message, "; ".join(missing)))
