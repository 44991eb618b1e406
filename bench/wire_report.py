# What bench/wire.py prints.
import pathlib
import re
import textwrap

from zero_loss import percentile

BUSY_PART = 0.005  # of the time that the worker may wait for its core, before the figures are called worthless


def spread(weighted):
    """Of (nanoseconds, packets): microseconds."""
    if not weighted:
        return {}
    return {"median_us": percentile(weighted, 0.5) / 1000, "p99_us": percentile(weighted, 0.99) / 1000,
            "p999_us": percentile(weighted, 0.999) / 1000, "max_us": weighted[-1][0] / 1000}


def machine(cores):
    text = pathlib.Path("/proc/cpuinfo").read_text()
    name = re.search(r"model name\s*: (.*)", text)
    # Linux derives this from the TSC, of which it is twice the MHz.
    mips = re.search(r"bogomips\s*: (.*)", text)
    return {"processor": name.group(1) if name else "unknown", "cores": len(cores), "worker_core": cores[-1],
            "tsc_ghz": round(float(mips.group(1)) / 2000, 3) if mips else None, "page_bytes": 4096}


def table(head, rows):
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, *rows]:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths)).rstrip())


def progress(row):
    return f"{row['direction']:>3} {row['frame']:>4}: {row['zero_loss_pps'] / 1e6:.3f} Mpps, {len(row['trials'])} trials"


def say(text):
    print(textwrap.fill(" ".join(text.split()), 112) + "\n")


def show(result):
    where = result["machine"]
    say(f"""wire: {result['group']}, {result['esp']}; {where['processor']}, {where['cores']} cores, TSC {where['tsc_ghz']} GHz.
        Figures of this machine: one worker on core {where['worker_core']}, the generator and all else on the others; copies
        through shared memory of small pages, no NIC.""")
    if "memif" in result:
        show_disturbance(result["memif"])
        show_rates(result)
        show_latencies(result)
        show_alone(result["alone"])
    if "testpmd" in result:
        show_testpmd(result["testpmd"])
    if "pktgen" in result:
        show_pktgen(result["pktgen"])
    if "pcap" in result:
        show_offline(result["pcap"])


def show_disturbance(rows):
    trials = [trial for row in rows for trial in row["trials"]]
    part = sum(trial["worker_waited_us"] for trial in trials) / 1e6 / max(1e-9, sum(trial["seconds"] for trial in trials))
    if part > BUSY_PART:
        say(f"""WARNING: something else had the worker's core for {min(part, 1):.0%} of the time. Nothing below says what the
            daemon can do; run this where nothing else runs.""")


def show_rates(result):
    say(f"""Zero loss over memif (RFC 2544 section 26.1; trials of {result['seconds']:g} s, resolution
        {result['resolution']:.0%}, a ring of {result['ring']}). Frame: on the LAN, with FCS; out: frames for each; cycles: of the
        TSC, for a packet at that rate; limit: what ended the search (loss; disturbed: every loss came while the worker had to
        wait for its core; generator: it offers no more). flood: what comes out when the receive ring is always full, and
        the cycles in which the worker was busy then, memif's copies included.""")
    ghz = result["machine"]["tsc_ghz"] or 0
    table(["", "frame", "out", "Mpps", "Gbit/s", "cycles", "limit", "trials", "disturbed", "flood Mpps", "cycles"],
          [[row["direction"], row["frame"], f"{row['frames_out']:.2f}".removesuffix(".00"),
            f"{row['zero_loss_pps'] / 1e6:.3f}", f"{row['zero_loss_gbps']:.2f}",
            f"{ghz * 1e9 / row['zero_loss_pps']:.0f}" if row["zero_loss_pps"] else "-", row["limit"],
            str(len(row["trials"])), str(row["disturbed"]), f"{row['flood_pps'] / 1e6:.3f}",
            f"{row['flood_busy_cycles']:.0f}" if row["flood_busy_cycles"] else "-"] for row in result["memif"]])
    print()


def show_latencies(result):
    say("""Latency in µs, from before a packet is put into the one ring until it is seen in the other; the generator looks about
        once a µs, so that much is its own. At parts of the zero-loss rate: median / 99 % / 99.9 % / longest. *: the worker had
        to wait for its core.""")
    loads = list(dict.fromkeys(load for row in result["memif"] for load in row["latency"]))
    table(["", "frame", *loads],
          [[row["direction"], row["frame"], *(latency_text(row["latency"].get(load, {})) for load in loads)]
           for row in result["memif"]])
    print()


def latency_text(one):
    if not one.get("median_us"):
        return "lost packets" if one.get("lost") else "-"
    text = " / ".join(f"{one[name]:.1f}" for name in ("median_us", "p99_us", "p999_us", "max_us"))
    return text + ("*" if one.get("worker_waited_us", 0) > 50 else "")


def show_alone(rows):
    say("Packets sent at once with none behind them: no packet waits for another to come. µs.")
    table(["", "frame", "at once", "never came", "first: median", "99 %", "last: median", "99 %"],
          [[row["direction"], row["frame"], str(row["at_once"]), str(row["lost"]),
            *(f"{row[which].get(name, 0):.1f}" for which in ("first", "last") for name in ("median_us", "p99_us"))]
           for row in rows])
    print()


def show_offline(rows):
    say("""Out of a capture that never ends, into a port that swallows (net_pcap, infinite_rx → net_null): what the worker takes.
        No search: nothing is lost before it, however slow it is.""")
    table(["workers", "", "frame", "Mpps", "cycles", "dropped"],
          [[str(row["workers"]), row["direction"], row["frame"], f"{row['pps'] / 1e6:.3f}", f"{row['busy_cycles']:.0f}",
            str(sum(row["dropped"].values()))] for row in rows])


def show_testpmd(rows):
    say("""testpmd, which offers all that it can: what the worker takes. sent: what testpmd put into the one ring; lost: what the
        daemon took and testpmd did not get, for want of room in the ring to testpmd, or left there at the end.""")
    table(["", "frame", "Mpps", "cycles", "sent", "lost", "dropped"],
          [[row["direction"], row["frame"], f"{row['pps'] / 1e6:.3f}", f"{row['busy_cycles']:.0f}", str(row["generator_sent"]),
            str(row["daemon_sent"] - row["generator_received"] + sum(row["dropped"].values())),
            " ".join(f"{name} {count}" for name, count in row["dropped"].items())] for row in rows])


def show_pktgen(rows):
    say("Pktgen: zero loss by its own search (bench/pktgen/zero_loss.lua).")
    table(["", "frame", "Mpps", "limit", "trials"],
          [[row["direction"], row["frame"], f"{row['pps'] / 1e6:.3f}", row["limit"], str(len(row["trials"]))] for row in rows])


def problems(result):
    """What makes the figures those of something else."""
    found = []
    for row in result.get("memif", []):
        if not row["zero_loss_pps"]:
            found.append(f"{row['direction']} {row['frame']}: no rate without loss was found")
        if row["flood_lost"]:
            found.append(f"{row['direction']} {row['frame']}: {row['flood_lost']} packets of the flood never came")
    for row in result.get("alone", []):
        if row["lost"] > row["rounds"] // 100:
            found.append(f"{row['direction']} {row['at_once']} at once: {row['lost']} of {row['rounds']} never came")
    for row in result.get("pcap", []):
        if row["dropped"]:
            found.append(f"{row['direction']} {row['frame']} from the capture: dropped {row['dropped']}")
    return found
