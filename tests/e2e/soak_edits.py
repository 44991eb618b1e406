# Those who edit the soak's gateways, each in a thread of its own: regroupings and rekeys of the tunnels that carry
# packets, rekeys by the script of docs/rekey.md, batches of hundreds of lines, and such as must be refused.
import collections
import os
import pathlib
import random
import subprocess
import threading
import time

import lab
import peer
from soak_gateway import Connection, Cut
from soak_tunnels import BURST, SHAPES, Variant, group_line, saved_line

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "docs/examples/rekey"
SETS, SET_SIZE = 4, 100
PAUSE_S = 0.003  # between regroupings
REFUSED_FROM = 0x900000  # SPIs of SAs that are never made


class Editor(threading.Thread):
    """Calls step() until the end; what it raises is a finding."""

    def __init__(self, soak, number):
        super().__init__(daemon=True)
        self.soak, self.findings = soak, soak.findings
        self.chance = random.Random(f"{soak.seed} {number}")
        self.counts = collections.Counter()

    def run(self):
        while not self.soak.ending.is_set():
            try:
                self.step()
            except Exception as error:
                self.findings.add("harness", f"{type(self).__name__}: {error!r}")
                time.sleep(0.5)

    def until_made(self, edit, *words):
        """An edit that a kill may have cut off is made again where it was not made. False at the end of all."""
        while not edit(*words):
            if self.soak.ending.is_set() or self.findings.counts["edits refused"] > 100:
                return False
        return True

    def wait_until_none_is_on_its_way(self, variant):
        """As docs/rekey.md has it: what left with the old keys has come in at the other gateway. False at the end."""
        direction, until = variant.tunnel.direction, variant.seen.until
        self.wait(lambda: direction.carried >= until or not direction.source)
        ports = direction.destination
        if ports:
            goal = ports.put["wan"] + 2 * BURST  # packets behind the last, so that the last's burst has ended
            self.wait(lambda: direction.destination is not ports or ports.put["wan"] - ports.not_taken("wan") >= goal)
        return not self.soak.ending.is_set()

    def wait(self, condition, limit_s=20):
        end = time.monotonic() + limit_s
        while not condition() and not self.soak.ending.is_set():
            if time.monotonic() > end:
                self.findings.add("silence", f"{type(self).__name__}: packets do not flow on")
                return
            time.sleep(0.01)


class Regrouper(Editor):
    """Regroups tunnels at the gateway that sends, and now and then gives one a variant with new keys."""

    def __init__(self, soak, number, tunnels):
        super().__init__(soak, number)
        self.tunnels = tunnels

    def step(self):
        tunnel = self.chance.choice(self.tunnels)
        action = self.chance.random()
        if action < 0.05:
            self.rekey(tunnel)
        elif action < 0.15:
            self.renew(tunnel)
        else:
            self.regroup(tunnel)
        self.soak.ending.wait(PAUSE_S)

    def regroup(self, tunnel):
        old = tunnel.now
        new = self.chance.choice([variant for variant in tunnel.variants if variant is not old])
        tunnel.expect(new)
        gateway = self.soak.gateway_of(tunnel.source)
        if self.chance.random() < 0.03:  # as an operator does it
            words = new.group_line().replace("spigrp", "spigrp --replace").split()
            request = lambda gateway: command(gateway, words)
        else:
            members = {"members": [sa.said for sa in new.group]}
            request = lambda gateway: gateway.connection().ask("group.replace", members)[1]
        made = gateway.edit(request, [old.group_line()], [new.group_line()],
                            lambda made: self.settle(tunnel, new, made))
        self.counts["regroupings"] += made

    def renew(self, tunnel):
        """The same keys again: the numbers go on, and no packet is lost."""
        tunnel.now.renewals += 1
        self.counts["renewals"] += self.soak.gateway_of(tunnel.source).lines(tunnel.renew_lines())

    def settle(self, tunnel, new, made):
        if made:
            tunnel.in_force(new)
        elif tunnel.now is not new:
            tunnel.retire(new)

    def rekey(self, tunnel):
        """docs/rekey.md: accept, send, forget. The variant that goes may be in force or not."""
        old = self.chance.choice(tunnel.variants)
        new = Variant(tunnel, self.chance.choice(list(SHAPES)), self.soak.numbers)
        receives, sends = self.soak.gateway_of(tunnel.destination), self.soak.gateway_of(tunnel.source)
        accepted = new.inbound_lines()
        if not self.until_made(receives.lines, accepted, (), accepted):
            return
        tunnel.add(new)
        tunnel.expect(new)
        before = tunnel.now
        added = [*new.sa_lines(), new.group_line()]
        made = self.until_made(
            sends.lines, [*new.sa_lines(), new.group_line().replace("spigrp", "spigrp --replace")],
            [before.group_line()], added, lambda made: made and self.settle(tunnel, new, True))
        if not made:
            return
        if not self.wait_until_none_is_on_its_way(before):
            return
        forgotten = old.inbound_lines()
        self.until_made(receives.lines, [f"spi --said {old.inbound_tunnel.said} --del"], forgotten)
        self.until_made(sends.lines, old.delete_lines(), old.sa_lines())
        tunnel.variants.remove(old)
        self.counts["rekeys"] += 1


class ScriptRekeyer(Editor):
    """docs/examples/rekey, on both gateways, for the two tunnels 0."""

    def step(self):
        out, back = self.soak.scripted
        spi = self.soak.numbers.next("tun")
        old_out, old_back = out.now, back.now
        new_out, new_back = (Variant(tunnel, "esp", self.soak.numbers, spi, "aes128gcm16") for tunnel in (out, back))
        near, far = self.soak.near, self.soak.far
        for gateway, new in ((near, new_back), (far, new_out)):
            lines = new.inbound_lines()
            if not self.until_made(gateway.edit, self.script("accept", gateway, new), (), lines):
                return
        for gateway, old, new in ((near, old_out, new_out), (far, old_back, new_back)):
            new.tunnel.add(new)
            new.tunnel.expect(new)
            if not self.until_made(gateway.edit, self.script("send", gateway, new), [old.group_line()],
                                   [*new.sa_lines(), new.group_line()],
                                   lambda made, new=new: made and new.tunnel.in_force(new)):
                return
        if not all([self.wait_until_none_is_on_its_way(old) for old in (old_out, old_back)]):
            return
        for gateway, sent, received in ((near, old_out, old_back), (far, old_back, old_out)):
            self.until_made(gateway.edit, self.script("forget", gateway, received),
                            [*sent.sa_lines(), *received.inbound_lines()])
        for tunnel, old in ((out, old_out), (back, old_back)):
            tunnel.variants.remove(old)
        self.counts["rekeys by script"] += 1
        self.soak.ending.wait(0.5)

    def script(self, step, gateway, variant):
        local = gateway.side.gateway(4)
        remote = (self.soak.far if gateway is self.soak.near else self.soak.near).side.gateway(4)
        words = [SCRIPT, step, f"{variant.transforms[0].spi:x}", local, remote]
        if step != "forget":
            key = gateway.daemon.folder / f"{variant.transforms[0].said}.key"
            key.write_text("0x" + variant.transforms[0].encryption_key.hex())
            words.append(str(key))
        if step == "send":
            words.append(f"{variant.tunnel.sa.spi:x}")
        return lambda gateway: command(gateway, words)


def command(gateway, words):
    """A command as an operator types it: the error, or None."""
    daemon = gateway.daemon
    done = subprocess.run(words, text=True, capture_output=True, timeout=lab.LIMIT_S * 3, stdin=subprocess.DEVNULL, env={
        **os.environ, "SPIGRP_SOCKET": str(daemon.socket_path), "PATH": f"{daemon.links}:{os.environ['PATH']}"})
    if done.returncode == 0:
        return None
    if done.returncode == 1:
        return done.stderr + done.stdout
    raise Cut(done.stderr)


class Batcher(Editor):
    """Sets of SAs, groups and eroutes that are made and deleted as a whole, and batches that are refused as a whole."""

    def __init__(self, soak, number, gateway):
        super().__init__(soak, number)
        self.gateway, self.there = gateway, set()

    def step(self):
        action = self.chance.random()
        if action < 0.4:
            self.whole_set(self.chance.randrange(SETS))
        elif action < 0.7:
            self.wrong_line()
        elif action < 0.8:
            self.stale_generation()
        elif action < 0.9:
            self.leave_it(lambda connection: connection.ask("abort"))
        else:
            self.leave_it(lambda connection: connection.close())
        self.soak.ending.wait(0.01)

    def whole_set(self, number):
        lines = set_lines(number)
        if number in self.there:
            commands = [line.split(" --said")[0].replace("--add", "--del") for line in lines if line.startswith("eroute")]
            commands += [f"{line.split(' --ip4')[0]} --del" for line in lines if " --ip4" in line]
            made = self.gateway.lines(commands, lines)
        else:
            made = self.gateway.lines(lines, (), lines)
        if made:
            self.there ^= {number}
            self.counts["batches"] += 1

    def wrong_line(self):
        lines = [saved_line(sa) for sa in never_made(self.chance.randrange(100), 20)]
        at = self.chance.randrange(len(lines) + 1)
        wrong, expected = self.chance.choice((
            ("spigrp --said tun.999999@192.0.2.77", "tun.999999@192.0.2.77"),
            (lines[0] if at else "spi --said esp.999998@10.77.0.1 --del", "esp.9" if not at else "exists"),
            ("spi --said esp.999997@10.77.0.1 --src 192.0.2.1 --esp aes128gcm16 --enckey 0x00", "enc")))
        lines.insert(at, wrong)
        self.gateway.refused(lambda gateway: gateway.connection().transaction(lines), expected)

    def stale_generation(self):
        def request(gateway):
            connection = gateway.connection()
            begun = connection.get("begin")
            connection.get("lines", {"text": saved_line(never_made(0, 1)[0])})
            stale = max(0, begun["generation"] - 1)
            return connection.ask("commit", {"if_generation": stale})[1]
        self.gateway.refused(request, "generation")

    def leave_it(self, leave):
        """A transaction that is begun and not ended."""
        if not self.gateway.up.is_set():
            return
        try:
            connection = Connection(self.gateway.daemon.socket_path)
            connection.get("begin")
            connection.get("lines", {"text": "\n".join(saved_line(sa) for sa in never_made(200, 50))})
            leave(connection)
            connection.close()
            self.counts["left"] += 1
        except Cut:
            pass


def never_made(first, count):
    return [peer.Esp(REFUSED_FROM + first + number, "192.0.2.1", "10.77.0.1", "null-sha1-96") for number in range(count)]


def set_lines(number):
    lines = []
    for index in range(SET_SIZE):
        spi = 0x500000 + number * 0x10000 + index
        tunnel, esp = set_group(spi)
        lines += [tunnel, esp[0], esp[1],
                  f"eroute --add --eraf inet --src 10.{100 + number}.{index}.0/24 --dst 10.200.0.0/16 --said {esp[2]}"]
    return lines


KNOWN = {}


def set_group(spi):
    """Lines of a group of a set; the keys are the same each time."""
    if spi not in KNOWN:
        tunnel = peer.Tunnel(spi, "192.0.2.1", "10.77.0.2")
        esp = peer.Esp(spi, "192.0.2.1", "10.77.0.2", "null-sha1-96")
        KNOWN[spi] = (saved_line(tunnel), (saved_line(esp), group_line([tunnel, esp]), tunnel.said))
    return KNOWN[spi]
