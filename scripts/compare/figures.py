"""From what the load client has noted of each exchange to the figures of one way."""
import collections
import statistics

BIN_US = 10_000
BEFORE_US, AFTER_US = 200_000, 1_300_000  # of the time around an upgrade that is plotted


class Run:
    """One run: `events` are (end, latency, outcome, version), times in microseconds; the upgrades
    began at `signals`, before which the run was quiet."""

    def __init__(self, events, signals, memory):
        self.events, self.signals, self.memory = events, signals, memory
        self.quiet = [event for event in events if event[0] < signals[0]]
        self.busy = [event for event in events if event[0] >= signals[0]]

    def generations(self):
        """For each version, in the order of their first answers: [first answer, last answer]."""
        spans = {}
        for end, _, outcome, version in self.events:
            if outcome == "ok":
                spans.setdefault(version, [end, end])[1] = end
        return list(spans.values())


def read_events(path):
    with open(path, encoding="ascii") as file:
        rows = [line.split() for line in file]
    return sorted((int(end), int(latency), outcome, version) for end, latency, outcome, version in rows)


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))] if values else None


def latencies(events):
    return [latency for _, latency, outcome, _ in events if outcome == "ok"]


def longest_gap(events):
    ends = [end for end, _, outcome, _ in events if outcome == "ok"]
    return max((later - end for end, later in zip(ends, ends[1:])), default=0)


def in_ms(microseconds):
    return None if microseconds is None else round(microseconds / 1000, 3)


def series(runs):
    """By bins of 10 ms around each upgrade: answers of the old and the new code, and failures, per
    upgrade; and the latency that 99 of 100 did not exceed."""
    count = (BEFORE_US + AFTER_US) // BIN_US
    bins = {name: [0] * count for name in ("old", "new", "failed")}
    latency = [[] for _ in range(count)]
    upgrades = sum(len(run.signals) for run in runs)
    for run in runs:
        firsts = [first for first, _ in run.generations()]
        order = version_order(run)
        for number, began in enumerate(run.signals):
            for end, took, outcome, version in run.events:
                place = (end - began + BEFORE_US) // BIN_US
                if not 0 <= place < count:
                    continue
                if outcome == "ok":
                    is_new = len(firsts) > 1 and order[version] > number
                    bins["new" if is_new else "old"][place] += 1
                    latency[place].append(took)
                else:
                    bins["failed"][place] += 1
    result = {name: [round(value / upgrades, 2) for value in values] for name, values in bins.items()}
    return {"from_ms": -BEFORE_US // 1000, "bin_ms": BIN_US // 1000, **result,
            "p99_ms": [in_ms(quantile(values, 0.99)) for values in latency]}


def version_order(run):
    order = {}
    for _, _, outcome, version in run.events:
        if outcome == "ok":
            order.setdefault(version, len(order))
    return order


def upgrade_times(runs):
    """Of all upgrades: from the signal to the first answer of the new code, and how long the old
    one answered after that."""
    to_first, old_after = [], []
    for run in runs:
        spans = run.generations()
        for began, old, new in zip(run.signals, spans, spans[1:]):
            to_first.append(new[0] - began)
            old_after.append(max(0, old[1] - new[0]))
    return to_first, old_after


def figures(way, runs):
    quiet = [event for run in runs for event in run.quiet]
    busy = [event for run in runs for event in run.busy]
    failed = collections.Counter(outcome for _, _, outcome, _ in quiet + busy if outcome != "ok")
    to_first, old_after = upgrade_times(runs)
    result = {
        "way": way,
        "requests": len(quiet) + len(busy),
        "failed": sum(failed.values()),
        "failed_by_kind": dict(failed),
        "upgrades": sum(len(run.signals) for run in runs),
        "upgrades_seen": len(to_first),
        "longest_gap_ms": in_ms(statistics.median(longest_gap(run.busy) for run in runs)),
        "longest_gap_without_ms": in_ms(statistics.median(longest_gap(run.quiet) for run in runs)),
        "old_after_new_ms": in_ms(max(old_after, default=None)),
        "signal_to_new_ms": in_ms(statistics.median(to_first) if to_first else None),
        "memory_kib": statistics.median(run.memory for run in runs),
    }
    for name, share in (("p50", 0.5), ("p99", 0.99), ("p99_9", 0.999)):
        result[f"{name}_ms"] = in_ms(quantile(latencies(busy), share))
        result[f"{name}_without_ms"] = in_ms(quantile(latencies(quiet), share))
    return {**result, "series": series(runs)}
