# Other generators than our own for bench/wire.py: DPDK's testpmd, which offers all that it can and no less, and Pktgen-DPDK,
# which searches by itself (bench/pktgen/). Both are memif clients in a process of their own.
import contextlib
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import time

import wire_gateway
from wire_packets import frames, mixed, ports_of, write_capture

HERE = pathlib.Path(__file__).resolve().parent
START_S, STOP_S, LIMIT_S = 30, 1, 60
MIB = {"testpmd": 512, "pktgen": 3072}
LOG2_RING = {"in": 12, "out": 14}  # frames on the way back wait there while the generator's core does something else


def measure(options, folder, cores):
    if options.generator == "pktgen":
        with gateway_of(options, folder, cores):
            return pktgen(options, folder, cores)
    rows = []
    for direction in options.directions:
        for name, sizes in options.frames:
            with gateway_of(options, folder, cores) as gateway:
                rows.append(testpmd(options, folder, cores, gateway, direction, name, sizes))
    return rows


@contextlib.contextmanager
def gateway_of(options, folder, cores):
    gateway = wire_gateway.Gateway(options.build, folder, wire_gateway.memif_devices(folder), cores, options.group, options.esp,
                                   options.ah)
    try:
        yield gateway
    finally:
        gateway.end()


def eal_words(generator, cores, devices):
    """Two threads, its main one and the one that carries packets, on what is not the worker's core; they share where there
    is one only."""
    free = cores[:-1] or cores
    return ["--no-huge", "-m", str(MIB[generator]), "--no-pci", "--no-telemetry",
            f"--file-prefix=spigrp-{generator}-{os.getpid()}",
            f"--lcores=0@{free[0]},1@{free[min(1, len(free) - 1)]}", *(f"--vdev={device}" for device in devices)]


def memif_client(folder, name, way):
    number = list(wire_gateway.MACS).index(name)
    return (f"net_memif{number},role=client,id={number},socket={folder}/{name}.sock,socket-abstract=no,"
            f"rsize={LOG2_RING[way]}")


def testpmd(options, folder, cores, gateway, direction, name, sizes):
    """A capture that never ends into the one port, what comes out of the other into a port that swallows. It has no other
    rate than all that the daemon takes, so there is no search: what it could not hand over, it did not offer."""
    source, sink = ports_of(direction)
    write_capture(folder / "in.pcap",
                  mixed(sizes, {size: frames(direction, size, gateway.inbound) for size in set(sizes)}))
    devices = [f"net_pcap0,rx_pcap={folder}/in.pcap,infinite_rx=1", memif_client(folder, source, "in"),
               memif_client(folder, sink, "out"), "net_null0,no-rx=1"]
    words = ["stdbuf", "-oL", program("dpdk-testpmd"), *eal_words("testpmd", cores, devices), "--",
             "-i", "--forward-mode=io", "--nb-cores=1", "--total-num-mbufs=16384"]
    before = gateway.counters()
    log = folder / "testpmd.log"
    with open(log, "wb") as output, subprocess.Popen(words, stdin=subprocess.PIPE, stdout=output, stderr=output,
                                                     preexec_fn=lambda: wire_gateway.started_by_us(cores)) as process:
        try:
            process.stdin.write(b"start\n")
            process.stdin.flush()
            wait_for(lambda: gateway.counters()["received"] > before["received"], process, log)
            row = {"direction": direction, "frame": name, **gateway.rate(options.seconds)}
            process.stdin.write(b"stop\n")
            process.stdin.flush()
            wait_for(lambda: log.read_text().count("Forward statistics for port 3"), process, log)
            after = gateway.counters()
            gateway.end()  # before its peer: DPDK's memif does not take a peer well that goes while a worker polls
            process.stdin.write(b"quit\n")
            process.stdin.close()
            process.wait(LIMIT_S)
        finally:
            end(process)
    sent, came = (int(re.search(rf"Forward statistics for port {port} .*?{way}-packets: (\d+)", log.read_text(), re.S)[1])
                  for port, way in ((1, "TX"), (2, "RX")))
    return {**row, "generator_sent": sent, "generator_received": came,
            "daemon_received": after["received"] - before["received"], "daemon_sent": after["sent"] - before["sent"],
            "dropped": wire_gateway.grown(before["dropped"], after["dropped"])}


def pktgen(options, folder, cores):
    """Out only, sizes only. Pktgen ends by itself."""
    sizes = [sizes[0] for _, sizes in options.frames if len(sizes) == 1]
    rows = []
    for frames_out, some in ((1, [size for size in sizes if size < 1400]), (2, [size for size in sizes if size >= 1400])):
        if some:
            rows += pktgen_run(options, folder, cores, some, frames_out)
    return rows


def pktgen_run(options, folder, cores, sizes, frames_out):
    settings, result, log = folder / "settings.lua", folder / "result.json", folder / "pktgen.log"
    settings.write_text(f"""return {{ source = 0, sink = 1, gateway_mac = "{wire_gateway.MACS['lan']}",
  from = "{wire_gateway.LAN_HOST}/32", to = "{wire_gateway.FAR_HOST}", sizes = {{ {', '.join(map(str, sizes))} }},
  seconds = {options.seconds}, resolution = {options.resolution}, highest_pps = 10e6, frames_out = {frames_out},
  result = "{result}" }}
""")
    command = shlex.split(os.environ["PKTGEN"]) if "PKTGEN" in os.environ else [program("pktgen")]
    words = [*command, *eal_words("pktgen", cores, [memif_client(folder, "lan", "in"), memif_client(folder, "wan", "out")]),
             "--", "-P", "-T", "-m", "1.0,1.1", "-f", HERE / "pktgen/zero_loss.lua"]
    limit_s = 30 + len(sizes) * 20 * (options.seconds + 5)
    with open(log, "wb") as output, subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, preexec_fn=lambda: wire_gateway.started_by_us(cores),
            env={**os.environ, "SPIGRP_PKTGEN": str(settings), "SPIGRP_BENCH": str(HERE)}) as process:
        try:
            process.wait(limit_s)
        except subprocess.TimeoutExpired:
            pass
        finally:
            end(process)
    if not result.exists():
        raise SystemExit(f"bench/wire.py: Pktgen leaves no result; it says:\n{log.read_text(errors='replace')[-2000:]}")
    return [{"direction": "out", "frame": str(row["size"]), "pps": row["zero_loss_pps"], "limit": row.get("limit", "ceiling"),
             "trials": row["trials"]} for row in json.loads(result.read_text())["rows"]]


def program(name):
    path = shutil.which(name)
    if not path:
        raise SystemExit(f"bench/wire.py: {name} is not installed" +
                         ("; say where it is with PKTGEN=… (bench/pktgen/README.md)" if name == "pktgen" else ""))
    return path


def wait_for(condition, process, log):
    deadline = time.monotonic() + START_S
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            said = log.read_text(errors="replace")[-2000:]
            raise SystemExit(f"bench/wire.py: the generator does not start; it says:\n{said}")
        time.sleep(0.05)


def end(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
