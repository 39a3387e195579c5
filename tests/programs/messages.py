"""messages.py PAGE SOURCE...: compares what the programs say, as their sources have it, with the
items of the manual page. Prints a line for each sentence of the sources that no item has, and for
each item whose words are nowhere in the sources."""

import re
import sys

STRING = r'"(?:[^"\\\n]|\\.)*"'
LITERAL = r"{0}(?:\s*{0})*".format(STRING)
CONVERSION = r"%[-.*0-9]*(?:zu|zd|l*[dsuxgf])"
SHORTEST = 9  # of a part that is looked for: shorter ones are everywhere
FEWEST_WORDS = 3  # of a sentence


def without_comments(text):
    """Strings may hold what looks like a comment, and the other way round."""
    token = r"/\*.*?\*/|//[^\n]*|'(?:[^'\\]|\\.)+'|" + STRING
    return re.sub(token, lambda m: m.group(0) if m.group(0)[0] == '"' else " ", text, flags=re.S)


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


def without_what_is_not_said(text):
    """Without #include, tables (of options and the like), and lines that are for developers."""
    text = re.sub(r"^#.*$", "", text, flags=re.M)
    text = re.sub(r"^(?:static |const |\} )[^\n;]*= \{.*?^\};", "", text, flags=re.M | re.S)
    for call in reversed(list(re.finditer(r"\b(log_line|static_assert)\(", text))):
        given = arguments(text, call.end())
        if call.group(1) == "static_assert" or "LEVEL_DEBUG" in given:
            text = text[: call.end()] + text[call.end() + len(given) :]
    return text


def literals(text):
    for found in re.finditer(LITERAL, text):
        joined = "".join(string[1:-1] for string in re.findall(STRING, found.group(0)))
        yield joined.replace('\\"', '"').removeprefix("tfhelper: ")


def is_for_people(literal):
    """Neither a single word, a usage text, JSON, a path, a list of options, nor what the service manager is told."""
    if not " " in literal or re.match(r"usage:|\\n[A-Z]|[ ]*-|/|{|[a-z ]+ $|(\\n)?(READY=1\\n)?STATUS=", literal):
        return False
    return len(re.findall(r"\b[a-z]{2,}\b", re.sub(CONVERSION, " ", literal))) >= FEWEST_WORDS


def plain(text):
    return " ".join(text.replace("\\n", " ").split())


def with_plurals(literal):
    for word in "connection", "listener", "peer":
        literal = literal.replace(word + "%s", word + "s")
    return literal


def parts(literal):
    """What stands between the conversions."""
    for part in re.split(CONVERSION, with_plurals(literal)):
        part = plain(part).strip(" :;,.")
        if len(part) >= SHORTEST:
            yield part


def items(page):
    for line in re.findall(r'^\.It Sy "(.*)"$', page, flags=re.M):
        yield plain(line.replace("\\&", ""))


def words_of(item):
    """What an item says itself: names in capitals stand for something."""
    for part in re.split(r"\b[A-Z][A-Z_0-9]*\b", item):
        part = plain(part).strip(" :;,.()")
        if len(part) >= SHORTEST:
            yield part


documented = list(items(open(sys.argv[1]).read()))
everything = []
for path in sys.argv[2:]:
    source = without_comments(open(path).read())
    everything += literals(source)
    if "/show_" in path:  # the tables, JSON and metrics of status
        continue
    for literal in filter(is_for_people, literals(without_what_is_not_said(source))):
        missing = [part for part in parts(literal) if not any(part in item for item in documented)]
        if missing:
            print("not in the page: %s: %s (%s)" % (path, literal, "; ".join(missing)))

# What one literal has in the place of a %s may be another one.
said = " | ".join(re.sub(CONVERSION, " | ", plain(with_plurals(text))) for text in everything)
pieces = {piece.strip(" :;,.()") for piece in said.split("|")} - {""}


def is_said(words):
    """The words are in the sources, in one literal or put together from several."""
    if words in said:
        return True
    return any(
        words[:at].strip(" :;,.()") in pieces and is_said(words[at:].strip(" :;,.()"))
        for at in range(len(words) - 1, 0, -1)
        if words[at] in " :;,"
    )


for item in documented:
    wrong = [words for words in words_of(item) if not is_said(words)]
    if wrong:
        print("nowhere in the sources: %s (%s)" % (item, "; ".join(wrong)))
