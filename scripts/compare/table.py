"""The figures as a table in Markdown."""

HEAD = ["way", "requests", "failed", "p50", "p99", "p99.9 (without)", "longest gap (without)",
        "old code after new", "signal to new", "memory"]


def milliseconds(value):
    if value is None:
        return "-"
    return f"{value:.0f} ms" if value >= 100 else f"{value:.1f} ms"


def with_without(figures, name):
    return f"{milliseconds(figures[name + '_ms'])} ({milliseconds(figures[name + '_without_ms'])})"


def failures(figures):
    kinds = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in sorted(figures["failed_by_kind"].items()))
    missing = figures["upgrades"] - figures["upgrades_seen"]
    lost = f"; {missing} of {figures['upgrades']} upgrades unseen" if missing and figures["way"] != "no restarts" else ""
    return (f"{figures['failed']}: {kinds}" if kinds else "0") + lost


def row(figures):
    return [figures["way"], str(figures["requests"]), failures(figures), milliseconds(figures["p50_ms"]),
            milliseconds(figures["p99_ms"]), with_without(figures, "p99_9"), with_without(figures, "longest_gap"),
            milliseconds(figures["old_after_new_ms"]), milliseconds(figures["signal_to_new_ms"]),
            f"{figures['memory_kib'] / 1024:.1f} MiB"]


def markdown(report):
    rows = [HEAD, ["---"] * len(HEAD)] + [row(figures) for figures in report["ways"]]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    return f"{report['what']}\n\n{table}\n"
