#!/usr/bin/python3
# The figures of make bench and make bench-wire as pictures: bench/plots.py DIRECTORY, where pipeline.json and wire.json are
# (build/bench). What there is no file for is left out. gnuplot draws; the SVGs are put beside the files.
import json
import pathlib
import subprocess
import sys

WIDTH, HEIGHT = 1100, 620
COLOURS = {"floor": "#4d4d4d", "crypto": "#9e9e9e", "forward": "#4a90c2", "rest": "#e08a3c"}
LINES = ("#c0392b", "#2471a3", "#1e8449", "#8e44ad")
SHORT = {"aes128gcm16": "GCM", "aes128-sha2_256-128": "CBC+SHA2"}


def median(case, *path):
    for name in path:
        case = case[name]
    return case["median"]


def parts(case):
    """What a packet costs, from the floor up. The last is all that nothing else names: headers, IVs, sequence numbers and
    replay, finding the SA and the group, the second route. The stages of the transforms are not used: tun and esp next to
    each other are one step, and cheaper than the two by themselves."""
    floor, total = median(case, "floor"), median(case, "total")
    crypto = max(0.0, median(case, "crypto") - floor)
    forward = max(0.0, min(median(case, "stages", "forward"), total - floor - crypto))
    return {"floor": floor, "crypto": crypto, "forward": forward, "rest": max(0.0, total - floor - crypto - forward)}


def label(case):
    return f"{case['group']} {SHORT.get(case['esp'], case['esp'])} {case['direction']}"


def block(name, rows):
    """A gnuplot data block."""
    return f"${name} << EOD\n" + "".join(" ".join(str(cell) for cell in row) + "\n" for row in rows) + "EOD\n"


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("_", "\\\\_") + '"'


def header(file, title, machine):
    return f"""set terminal svg size {WIDTH},{HEIGHT} dynamic background "white" font "sans-serif,13"
set output {json.dumps(str(file))}
set title {quoted(title)}."\\n{{/*0.8 ".{quoted(machine)}."}}"
set grid ytics lc rgb "#d8d8d8"
set border 3
set tics nomirror out
"""


def stages(cases, file, machine):
    """Bars from the floor up, one SA."""
    sizes = sorted({case["inner_bytes"] for case in cases})
    rows, names = [], list(COLOURS)
    for group in dict.fromkeys(label(case) for case in cases):
        for size in sizes:
            rows += [[quoted(f"{group} {size}"), *(round(value, 1) for value in parts(case).values())]
                     for case in cases if label(case) == group and case["inner_bytes"] == size]
    titles = {"floor": "ipsec-mb alone (the floor)", "crypto": "the engine's calls to it",
              "forward": "forwarding, as of a plain packet", "rest": "headers, IV, numbers, SA and group, second route"}
    return (block("bars", rows) + header(file, "A packet through a worker, by stage: 1 SA", machine) +
            """set style data histograms
set style histogram rowstacked
set style fill solid 1.0 border lc rgb "white"
set boxwidth 0.8
set xtics rotate by 50 right font ",11"
set bmargin 10
set key top left reverse Left
set ylabel "TSC cycles a packet"
set yrange [0:*]
plot """ + ", ".join(f"$bars using {column + 2}{'' if column else ':xtic(1)'} lc rgb \"{COLOURS[name]}\" title "
                     + quoted(titles[name]) for column, name in enumerate(names)) + "\n")


def lines(file, title, machine, x_name, curves, log_x):
    """Curves of (name, [(x, total, lower, upper, floor)]): the total with its quartiles, the floor dashed below."""
    blocks = "".join(block(f"curve{number}", points) for number, (_, points) in enumerate(curves))
    ticks = ", ".join(f'"{x}" {x}' for x in sorted({point[0] for _, points in curves for point in points}))
    plots = []
    for number, (name, _) in enumerate(curves):
        colour = LINES[number % len(LINES)]
        plots += [f'$curve{number} using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.6 lc rgb "{colour}" title {quoted(name)}',
                  f'$curve{number} using 1:5 with lines dt 2 lw 1.5 lc rgb "{colour}" notitle']
    plots.append('NaN with lines dt 2 lw 1.5 lc rgb "#606060" title "ipsec-mb alone (the floor) of each"')
    return (blocks + header(file, title, machine) + ("set logscale x\n" if log_x else "") +
            f"set xtics ({ticks})\nset xlabel {quoted(x_name)}\nset ylabel \"TSC cycles a packet\"\nset yrange [0:*]\n"
            "set offsets graph 0.03, graph 0.03, 0, 0\nset key top left reverse Left\nplot " + ", ".join(plots) + "\n")


def points(cases, x):
    return sorted([case[x], *(round(case["total"][name], 1) for name in ("median", "lower_quartile", "upper_quartile")),
                   round(median(case, "floor"), 1)] for case in cases)


def curves_of(cases, x, key):
    names = dict.fromkeys(key(case) for case in cases)
    return [(name, points([case for case in cases if key(case) == name], x)) for name in names]


def pipeline(report, folder):
    where = report["machine"]
    machine = f"{where['processor']}, TSC {where['tsc_ghz']:.2f} GHz, ipsec-mb {where['ipsec_mb']}"
    one = [case for case in report["cases"] if case["sas"] == 1]
    tunnel = [case for case in report["cases"] if case["group"] == "tun+esp"]
    if one:
        yield folder / "stages.svg", stages(one, folder / "stages.svg", machine)
        yield folder / "sizes.svg", lines(folder / "sizes.svg", "A packet through a worker, by size: tun+esp, 1 SA", machine,
                                          "bytes of the inner packet",
                                          curves_of([case for case in tunnel if case["sas"] == 1], "inner_bytes", label), False)
    many = [case for case in tunnel if case["esp"] == "aes128gcm16" and case["direction"] == "out"]
    if len({case["sas"] for case in many}) > 1:
        yield folder / "sas.svg", lines(folder / "sas.svg", "A packet through a worker, by SAs used in turn: tun+esp GCM out",
                                        machine, "SAs",
                                        curves_of(many, "sas", lambda case: f"{case['inner_bytes']} bytes"), True)


def wire(report, folder):
    machine = f"{report['machine']['processor']}; {report['group']} {report['esp']}; memif, one worker"
    file, blocks, plots = folder / "wire.svg", "", []
    for number, direction in enumerate(dict.fromkeys(row["direction"] for row in report["memif"])):
        rows = [row for row in report["memif"] if row["direction"] == direction]
        blocks += block(direction, [[quoted(row["frame"]), row["zero_loss_pps"] / 1e6, row["flood_pps"] / 1e6] for row in rows])
        plots += [f'${direction} using 0:2:xtic(1) with linespoints lw 2 pt 7 lc rgb "{LINES[number]}" '
                  f'title "{direction}: without loss"',
                  f'${direction} using 0:3 with linespoints dt 2 lw 1.5 pt 6 lc rgb "{LINES[number]}" '
                  f'title "{direction}: all that the worker takes"']
    if len({row["workers"] for row in report.get("pcap", [])}) > 1:
        yield from workers(report, folder)
    yield file, (blocks + header(file, "Packets a second on the wire", machine) +
                 'set xlabel "bytes of the frame on the LAN"\nset ylabel "million packets a second"\nset yrange [0:*]\n'
                 "set offsets 0.3, 0.3, 0, 0\nset key top right\nplot " + ", ".join(plots) + "\n")


def workers(report, folder):
    """Packets a second by the number of workers, out of a capture."""
    machine = f"{report['machine']['processor']}, {report['machine']['cores']} cores; {report['group']} {report['esp']}"
    file, blocks, plots = folder / "workers.svg", "", []
    kinds = dict.fromkeys((row["direction"], row["frame"]) for row in report["pcap"] if row["frame"] in ("64", "imix"))
    for number, (direction, frame) in enumerate(kinds):
        rows = [row for row in report["pcap"] if (row["direction"], row["frame"]) == (direction, frame)]
        blocks += block(f"{direction}{frame}", [[row["workers"], row["pps"] / 1e6] for row in rows])
        plots.append(f'${direction}{frame} using 1:2 with linespoints lw 2 pt 7 lc rgb "{LINES[number % len(LINES)]}" '
                     f'title "{direction} {frame}"')
    yield file, (blocks + header(file, "Packets a second by the number of workers", machine) +
                 'set xlabel "workers"\nset ylabel "million packets a second"\nset yrange [0:*]\nset xtics 1\n'
                 "set offsets 0.3, 0.3, 0, 0\nset key top left reverse Left\nplot " + ", ".join(plots) + "\n")


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: bench/plots.py DIRECTORY")
    folder, drawn = pathlib.Path(sys.argv[1]), []
    for name, plot in (("pipeline.json", pipeline), ("wire.json", wire)):
        if not (folder / name).exists():
            print(f"no {folder / name}, so no pictures of it", file=sys.stderr)
            continue
        for file, script in plot(json.loads((folder / name).read_text()), folder):
            done = subprocess.run(["gnuplot", "-"], input=script, text=True, capture_output=True)
            if done.returncode or "warning" in done.stderr:
                sys.exit(f"bench/plots.py: gnuplot: {done.stderr}")
            drawn.append(str(file))
    if not drawn:
        sys.exit(f"bench/plots.py: {folder} has no figures; run make bench or make bench-wire first")
    print("\n".join(drawn))


if __name__ == "__main__":
    main()
