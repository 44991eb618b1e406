#!/usr/bin/python3 -B
# make soak: one test of the whole, as an operator fears it. Two gateways carry as many packets as this process can
# number, while they are regrouped and rekeyed, loaded and listed, and one of them is killed again and again. Every frame
# between them is looked at, and every packet and every edit is accounted for: docs/testing.md.
import argparse
import collections
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import lab
import peer
from findings import Findings
from soak_edits import Batcher, Regrouper, ScriptRekeyer, set_lines
from soak_gateway import SoakGateway
from soak_life import Lives
from soak_tunnels import FAR, NEAR, Numbers, Tunnel, Variant
from soak_wire import FLOWS, Exchange, Flow, Ports

HERE = pathlib.Path(__file__).resolve().parent
# (outer, inner) family of each pair of tunnels; the keys of the first pair are changed by the script of docs/rekey.md.
FAMILIES = ((4, 4), (4, 4), (6, 6), (4, 6), (6, 4), (6, 6))


def main():
    parser = argparse.ArgumentParser(description="One test of the whole under full load; exit 1 when anything is wrong.")
    parser.add_argument("--minutes", type=float, default=float(os.environ.get("SOAK_MINUTES", "10")))
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("soak: ended from outside"))
    lab.enter_namespace()
    print(f"soak: seed {options.seed}, {options.minutes:g} minutes", flush=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="spigrp-soak-"))
    soak = Soak(options, folder)
    try:
        return soak.run()
    finally:
        soak.clean_up()


class Soak:
    def __init__(self, options, folder):
        self.seed, self.seconds, self.folder = options.seed, options.minutes * 60, folder
        self.life_s = (min(3, self.seconds / 10), min(20, self.seconds / 4))
        self.findings = Findings(lambda text: print(text[:2000], flush=True))
        self.numbers, self.ending = Numbers(), threading.Event()
        self.exchange = Exchange(self.findings)
        self.began = time.monotonic()
        self.near, self.far = (self.gateway(side) for side in (NEAR, FAR))
        self.checked, self.bystanders = 0, None
        self.make_tunnels()

    def age_s(self):
        return time.monotonic() - self.began

    def gateway(self, side):
        (self.folder / side.name).mkdir()
        ports = [{"name": name, "mac": side.mac(name), "addresses": side.addresses(name), "device":
                  f"net_memif{number},role=server,id={number},socket={self.folder}/{side.name}/{name}.sock,"
                  "socket-abstract=no"} for number, name in enumerate(("lan", "wan"))]
        state = {"state": str(self.folder / side.name / "state"), "durable": True} if side.name == "near" else {}
        daemon = lab.Daemon(ports, {"": state}, name=side.name)
        (daemon.links / "spigrpctl").symlink_to(lab.find_program("spigrpctl"))
        return SoakGateway(side, daemon, self.findings)

    def gateway_of(self, side):
        return self.near if side is self.near.side else self.far

    def make_tunnels(self):
        """Both families inside and outside, each way; of the first pair the keys are changed by the script."""
        self.tunnels, self.scripted = [], []
        scripted_spi = self.numbers.next("tun")
        for source, destination, direction in ((self.near.side, self.far.side, self.exchange.out),
                                               (self.far.side, self.near.side, self.exchange.back)):
            for number, (outer, inner) in enumerate(FAMILIES):
                tunnel = Tunnel(number, source, destination, outer, inner, direction)
                if number == 0:
                    tunnel.add(Variant(tunnel, "esp", self.numbers, scripted_spi, "aes128gcm16"))
                    self.scripted.append(tunnel)
                else:
                    for shape in ("esp", "esp+ah", "ah+esp", "comp+esp"):
                        tunnel.add(Variant(tunnel, shape, self.numbers))
                    self.tunnels.append(tunnel)
                for host in range(FLOWS):
                    direction.flows.append(Flow(len(direction.flows), tunnel, host + 2))

    def load_gateways(self):
        for gateway, other in ((self.near, self.far), (self.far, self.near)):
            lines = list(gateway.side.base_lines(other.side))
            for tunnel in self.scripted + self.tunnels:
                lines += tunnel.source_lines() if tunnel.source is gateway.side else tunnel.destination_lines()
            gateway.daemon.start()
            gateway.up.set()
            gateway.lines(lines, (), lines)
            gateway.compare(gateway.saved())

    def run(self):
        self.load_gateways()
        self.exchange.connect(*(Ports(self.folder / name) for name in ("near", "far")))
        for tunnel in self.scripted + self.tunnels:
            tunnel.expect(tunnel.variants[0])
            tunnel.in_force(tunnel.variants[0])
        loop = threading.Thread(target=self.exchange.run, daemon=True)
        sys.setswitchinterval(0.001)
        self.lives = Lives(self)
        self.editors = self.make_editors()
        self.bystanders = self.start_bystanders()
        self.began, self.exchange.sending = time.monotonic(), True
        loop.start()
        threads = [*self.editors, *(threading.Thread(target=target, daemon=True)
                                    for target in (self.check_samples, self.watch_the_time))]
        for thread in threads:
            thread.start()
        self.lives.run()
        self.length_s = self.age_s()
        self.seen_by_bystanders = self.end_bystanders(self.bystanders)
        for thread in threads:
            thread.join(120)
            if thread.is_alive():
                self.findings.add("harness", f"{thread} does not end")
        self.end_gateways()
        self.exchange.ending = True
        loop.join(10)
        return self.report()

    def watch_the_time(self):
        told = 0
        while not self.ending.wait(0.5) and self.age_s() < self.seconds:
            if self.age_s() - told > 30:
                told = self.age_s()
                print(f"{told:.0f} s: {self.exchange.out.sent + self.exchange.back.sent} packets, {self.lives.account.kills} "
                      f"kills, {sum(gateway.counts['made'] for gateway in (self.near, self.far))} edits, "
                      f"{sum(self.findings.counts.values())} findings", flush=True)
        self.ending.set()

    def make_editors(self):
        by_source = [[tunnel for tunnel in self.tunnels if tunnel.source is gateway.side]
                     for gateway in (self.near, self.far)]
        return [Regrouper(self, 0, by_source[0]), Regrouper(self, 1, by_source[1]), ScriptRekeyer(self, 2),
                Batcher(self, 3, self.near), Batcher(self, 4, self.far)]

    def start_bystanders(self):
        process = subprocess.Popen([sys.executable, "-B", HERE / "soak_bystanders.py"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        always = {str(gateway.daemon.socket_path): [tunnel.sa.said for tunnel in self.scripted + self.tunnels
                                                    if tunnel.source is gateway.side] for gateway in (self.near, self.far)}
        process.stdin.write(json.dumps({"sockets": list(always), "always": always, "set_lines": len(set_lines(0)),
                                        "seed": self.seed}) + "\n")
        process.stdin.flush()
        return process

    def end_bystanders(self, process):
        try:
            answer = json.loads(process.communicate(timeout=120)[0])
        except (subprocess.TimeoutExpired, ValueError) as error:
            process.kill()
            self.findings.add("harness", f"the bystanders do not end: {error!r}")
            return collections.Counter()
        for kind, texts in answer["texts"].items():
            for text in texts:
                self.findings.add(kind, text, answer["findings"][kind] if text is texts[0] else 0)
        return collections.Counter(answer["counts"])

    def check_samples(self):
        """Some frames of each direction are decrypted by scapy, whole, and what is in them is what was sent."""
        while not self.ending.wait(0.05):
            for direction in (self.exchange.out, self.exchange.back):
                direction.sample_at = 0
                if direction.samples.empty():
                    continue
                frame, variant = direction.samples.get()
                try:
                    inner = peer.decap(variant.group, frame[14:])
                    at = 20 if inner[0] >> 4 == 4 else 40
                    flow = direction.flows[int.from_bytes(inner[at + 16:at + 20], "big")]
                    if inner != flow.sent_on(int.from_bytes(inner[at + 20:at + 28], "big")):
                        raise peer.BadPacket(f"another packet is in it: {inner.hex()}")
                    self.checked += 1
                except Exception as error:
                    self.findings.add("wrong transforms", f"{direction.name}: {variant}: {error!r}: {frame.hex()}")

    def end_gateways(self):
        try:
            self.lives.end_in_order()
            self.far.compare(self.far.saved())
        except Exception as error:
            self.findings.add("harness", f"the end: {error!r}")
        for gateway in (self.near, self.far):
            try:
                gateway.daemon.stop()
            except AssertionError as error:
                self.findings.add("end", str(error))

    def clean_up(self):
        """Whatever has happened: nothing is left."""
        for gateway in (self.near, self.far):
            if gateway.daemon.process and gateway.daemon.process.poll() is None:
                gateway.daemon.kill()
            shutil.rmtree(gateway.daemon.folder, ignore_errors=True)
        if self.bystanders and self.bystanders.poll() is None:
            self.bystanders.kill()
        shutil.rmtree(self.folder)

    def report(self):
        account, out, back = self.lives.account, self.exchange.out, self.exchange.back
        growth = self.lives.far_growth_kib()
        sent, delivered = out.sent + back.sent, out.delivered_count + back.delivered_count
        dropped = sum(account.dropped.values())
        if sent != delivered + dropped + account.killed:
            self.findings.add("accounts", f"{sent} packets sent are not {delivered} + {dropped} + {account.killed}")
        edits = self.near.counts + self.far.counts
        print("\n".join(self.details(growth)))
        for line in self.findings.lines():
            print("WRONG: " + line)
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(account.dropped.items()))
        counts = self.findings.counts
        others = sum(counts.values()) - sum(counts[kind] for kind in ("twice", "bare", "wrong transforms",
                                                                        "number used twice"))
        print(f"soak: {self.length_s:.0f} s, {sent} packets sent: {delivered} delivered, {account.killed} lost in "
              f"{account.kills} kills, {dropped} dropped ({reasons or 'none'}); {counts['twice']} twice, {counts['bare']} "
              f"bare, {counts['wrong transforms']} with wrong transforms, {counts['number used twice']} numbers used twice; "
              f"{sum(edits.values())} edits: {edits['made']} made, {edits['refused']} refused as they should, "
              f"{edits['cut']} cut off by kills; {self.seen_by_bystanders['listings']} listings; {others} other findings")
        return 1 if counts else 0

    def details(self, growth):
        account, counts = self.lives.account, collections.Counter()
        for editor in self.editors:
            counts += editor.counts
        counts += self.seen_by_bystanders
        yield ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
        yield (f"{account.ends} ended in order, {account.start_kills} killed while they started, at most "
               f"{self.lives.longest_start_s:.1f} s to start; {self.lives.behind_window} of at most {self.lives.allowed} "
               f"behind replay windows that kills have moved; {self.checked} frames decrypted by scapy; the far gateway's "
               f"memory grew by {growth} KiB")


if __name__ == "__main__":
    sys.exit(main())
