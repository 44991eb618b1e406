#!/usr/bin/python3
# Two builds of one benchmark, run in turn, and what the one costs in terms of the other:
#
#   bench/compare.py BASE-PROGRAM NEW-PROGRAM [--pairs N] [--json FILE] [-- ARGUMENTS-OF-THE-BENCHMARK]
#
# The two of a pair run one after the other, and every other pair the other way round, so that what makes the machine
# slower for a while, or all the time more, makes both slower. A ratio is of one pair; printed are the median of the
# pairs' ratios and their quartiles. scripts/bench-compare builds the two.
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

SAME = 0.01       # what a ratio must differ from 1 at least, to be called a difference
ENOUGH_PAIRS = 5  # to call anything a difference: of identical programs, pairs that agree by chance are one line in 16


def name_of(case):
    return (case["group"], case["esp"], case["direction"], case["inner_bytes"], case["sas"])


def figures(report):
    """Of a benchmark's JSON: {case: {figure: TSC cycles a packet}}, medians; `ratio` is total to the floor of its run."""
    return {name_of(case): {"total": case["total"]["median"], "floor": case["floor"]["median"],
                            "ratio": case["ratio"]["median"],
                            **{"stage " + stage: value["median"] for stage, value in case.get("stages", {}).items()}}
            for case in report["cases"]}


def quantile(values, fraction):
    ordered = sorted(values)
    place = fraction * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def spread(values):
    return {"median": quantile(values, 0.5), "lower_quartile": quantile(values, 0.25),
            "upper_quartile": quantile(values, 0.75), "least": min(values), "most": max(values), "pairs": len(values)}


def compared(pairs):
    """Of [(base, new)], each as `figures` has it: {case: {figure: …}}, for what all runs of both have."""
    rows = {}
    for case in pairs[0][0]:
        if not all(case in base and case in new for base, new in pairs):
            continue
        row = {}
        for figure in pairs[0][0][case]:
            both = [(base[case].get(figure), new[case].get(figure)) for base, new in pairs]
            if all(one is not None and other is not None for one, other in both):
                ratios = [other / one for one, other in both if one > 0 and other > 0]
                row[figure] = {"base": quantile([one for one, _ in both], 0.5), "new": quantile([one for _, one in both], 0.5),
                               "ratio": spread(ratios) if len(ratios) == len(both) else None}
        rows[case] = row
    return rows


def verdict(row):
    """A difference is one about which all pairs agree, in cycles and in what the floor of the same run is taken times, and
    that is not too small to matter."""
    ratios = (row["total"]["ratio"], row["ratio"]["ratio"])
    if any(ratio["pairs"] < ENOUGH_PAIRS for ratio in ratios):
        return ""
    if all(ratio["least"] > 1 and ratio["median"] >= 1 + SAME for ratio in ratios):
        return "slower"
    if all(ratio["most"] < 1 and ratio["median"] <= 1 - SAME for ratio in ratios):
        return "faster"
    return ""


def run(program, words):
    with tempfile.TemporaryDirectory(prefix="spigrp-compare-") as folder:
        file = pathlib.Path(folder, "figures.json")
        done = subprocess.run([program, "--json", file, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            sys.exit(f"bench/compare.py: {program}: exit {done.returncode}\n{done.stdout}")
        return figures(json.loads(file.read_text()))


def run_pairs(base, new, count, words):
    pairs = []
    for number in range(count):
        print(f"pair {number + 1} of {count}", file=sys.stderr, flush=True)
        both = {program: None for program in ("base", "new")}
        for which in ("base", "new") if number % 2 == 0 else ("new", "base"):
            both[which] = run(base if which == "base" else new, words)
        pairs.append((both["base"], both["new"]))
    return pairs


def show(rows):
    head = ["group", "esp", "", "inner B", "SAs", "base", "new", "new/base", "quartiles", "",
            "to the floor", "quartiles", "floor"]
    lines = [head]
    for case, row in rows.items():
        total, ratio, floor = row["total"], row["ratio"]["ratio"], row["floor"]["ratio"]
        lines.append([*map(str, case), f"{total['base']:.0f}", f"{total['new']:.0f}", f"{total['ratio']['median']:.3f}",
                      span(total["ratio"]), verdict(row), f"{ratio['median']:.3f}", span(ratio),
                      f"{floor['median']:.3f}"])
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths)).rstrip())


def span(ratio):
    return f"{ratio['lower_quartile']:.3f}-{ratio['upper_quartile']:.3f}"


LEGEND = """\
TSC cycles a packet, base and new: medians of the pairs. new/base: the median of the pairs' ratios, and their quartiles.
To the floor: the same for total divided by the crypto floor of its own run, which a busy machine disturbs less. floor:
new/base of that floor, 1 where nothing but noise has changed; what it is away from 1, no cycles of its line say more exactly.
"slower", "faster": all pairs (five at least) agree about it in both ratios, and the medians are 1 % away; of two identical
programs up to one line in 16 may still say so by chance."""


def main():
    words = sys.argv[1:]
    passed_on = words[words.index("--") + 1:] if "--" in words else ["--rounds", "33"]
    parser = argparse.ArgumentParser()
    parser.add_argument("base", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("new", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args(words[:words.index("--")] if "--" in words else words)
    if options.pairs < 1:
        parser.error("--pairs: at least one")
    rows = compared(run_pairs(options.base, options.new, options.pairs, passed_on))
    if not rows:
        sys.exit("bench/compare.py: the two have no case in common")
    print(f"{LEGEND}\n")
    show(rows)
    if options.json:
        options.json.write_text(json.dumps([{"case": case, **row} for case, row in rows.items()], indent=1) + "\n")


if __name__ == "__main__":
    main()
