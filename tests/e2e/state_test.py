# What survives: the state directory of a daemon that is killed at any moment, that ends, whose disk is full, whose file is
# broken. Invariant 1 across processes: no sequence number of a key is used twice.
import contextlib
import json
import os
import pathlib
import random
import socket
import sqlite3
import subprocess
import tempfile
import time
import unittest

import lab
import peer
from gateway import FAR_HOST, LAN_HOST, GatewayTest, default_group, eroute_line, group_lines, plain, udp
from traffic import Sink, Stream

SELECTOR = f"{LAN_HOST}/32 {FAR_HOST}/32"
KILLS = int(os.environ.get("SPIGRP_KILLS", "12"))


def without_numbers(saved):
    """Of `save`, the lines without where the sequence numbers are, sorted."""
    lines = []
    for line in saved.splitlines():
        words = line.split()
        for option in ("--sent", "--received"):
            if option in words:
                at = words.index(option)
                del words[at:at + 2]
        lines.append(" ".join(words))
    return sorted(lines)


class StateTest(GatewayTest):
    durable = False
    more = {}  # of the configuration

    @classmethod
    def setUpClass(cls):
        cls.state = pathlib.Path(tempfile.mkdtemp(prefix="spigrp-state-"))
        cls.options = {"": {"state": str(cls.state / "kept"), "durable": cls.durable}, **cls.more}
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        subprocess.run(["rm", "-r", str(cls.state)], check=True)

    def saved(self):
        return without_numbers(self.gateway.do("save --keys"))

    def restart(self):
        log = self.gateway.stop(keep=True)
        self.gateway.start()
        return log

    def crash(self):
        self.gateway.kill()
        self.gateway.start()

    def stored(self, query):
        """What the daemon's file has, read from a copy: the daemon keeps others out."""
        with tempfile.TemporaryDirectory() as folder:
            for file in ("spigrp.db", "spigrp.db-wal"):
                if (self.state / "kept" / file).exists():
                    (pathlib.Path(folder) / file).write_bytes((self.state / "kept" / file).read_bytes())
            with contextlib.closing(sqlite3.connect(f"{folder}/spigrp.db")) as database:
                return database.execute(query).fetchall()

    def sequence_of_next(self, group):
        """Sends a packet through the group and returns its ESP sequence number on the wire."""
        self.lan.send(udp(LAN_HOST, FAR_HOST))
        packet = self.wan.receive()[0]
        self.assertEqual(packet[9], 50)
        return int.from_bytes(packet[24:28], "big")


class SurvivalTest(StateTest):
    def test_everything_is_there_again_after_kill_9(self):
        self.add_group(default_group(), SELECTOR)
        self.add_group(default_group(first_spi=0x213, family=6, shape=("tun", "esp")), "fd00:1::/64 fd00:2::/64")
        self.gateway.batch([
            "spi --said esp.300@192.0.2.9 --src 192.0.2.1 --esp aes256-sha2_256-128 --esn --replay_window 1024 "
            "--life soft-packets=5,hard-addtime=86400 --enckey 0x" + "11" * 32 + " --authkey 0x" + "22" * 32,
            "spi --said tun.301@192.0.2.9 --ip4 --src 192.0.2.1 --dst 192.0.2.9 --dscp 12 --ttl copy --fragment before",
            "eroute --add --eraf inet --src 10.9.0.0/16 --dst 0.0.0.0/0 --transport-proto tcp --dst-port 443 --said %drop",
            "eroute --add --eraf inet --src 10.9.0.0/16 --dst 0.0.0.0/0 --transport-proto icmp --icmp-type 8/0 --said %trap",
            "tncfg --create ipsec7", "address --add 198.51.100.7/24 --dev wan",
            "address --add 198.51.100.9/24 --dev wan", "address --add 198.51.100.8/24 --dev wan",
            "route --add --dst 203.0.113.0/24 --via 198.51.100.1", "route --add --dst 203.0.114.0/24",
            "neigh --add --dst 198.51.100.1 --mac 02:00:00:00:00:99 --dev wan"])
        before = self.saved()
        addresses = self.gateway.do("address")
        self.assertLess(addresses.index("198.51.100.9/24"), addresses.index("198.51.100.8/24"))
        listed = {kind: sorted(self.gateway.do(kind).splitlines()) for kind in ("spigrp", "eroute", "tncfg", "route")}
        self.crash()
        self.assertEqual(self.saved(), before)
        self.assertEqual(self.gateway.do("address"), addresses)
        self.assertEqual({kind: sorted(self.gateway.do(kind).splitlines()) for kind in listed}, listed)
        self.gateway.batch([*(f"address --del 198.51.100.{number}/24 --dev wan" for number in (7, 8, 9)),
                            "route --del --dst 203.0.113.0/24", "route --del --dst 203.0.114.0/24", "tncfg --delete ipsec7",
                            "neigh --del --dst 198.51.100.1 --dev wan", "spi --said esp.300@192.0.2.9 --del"])
        after = self.saved()
        self.crash()
        self.assertEqual(self.saved(), after)

    def test_an_eroute_that_protects_nothing_does_not_come_back_with_less(self):
        group = default_group(shape=("tun", "esp"))
        self.add_group(group, SELECTOR)
        lone = default_group(first_spi=0x313, shape=("tun",))[0]
        self.gateway.batch([lone.command(), eroute_line("10.1.0.3/32 10.2.0.3/32", lone)])
        self.gateway.do("spigrp " + group[1].words)  # dissolved
        self.gateway.do(f"spi --said {lone.said} --del")
        before = self.saved()
        for restart in (self.crash, self.restart):
            restart()
            self.assertEqual(self.saved(), before)
            self.assert_dropped("group_dissolved", 1, lambda: self.lan.send(udp(LAN_HOST, FAR_HOST)))
            self.assert_dropped("group_dissolved", 1, lambda: self.lan.send(udp("10.1.0.3", "10.2.0.3")))
        self.gateway.do("spigrp " + " ".join(sa.words for sa in group))
        self.sequence_of_next(group)

    def test_numbers_go_on_exactly_where_they_were_after_an_end(self):
        group = default_group(shape=("tun", "esp"), first_spi=0x713)  # with keys that nothing else has used
        self.add_group(group, SELECTOR)
        self.assertEqual([self.sequence_of_next(group) for _ in range(3)], [1, 2, 3])
        self.restart()
        self.assertEqual([self.sequence_of_next(group) for _ in range(2)], [4, 5])
        self.restart()
        self.restart()
        self.assertEqual(self.sequence_of_next(group), 6)

    def test_numbers_go_on_behind_all_that_may_have_been_used_after_a_crash(self):
        group = default_group(shape=("tun", "esp"))
        self.add_group(group, SELECTOR)
        highest = max(self.sequence_of_next(group) for _ in range(5))
        for _ in range(3):
            self.crash()
            now = self.sequence_of_next(group)
            self.assertGreater(now, highest)
            self.assertLess(now, highest + 2 * 2**20 + 10)
            highest = now

    def test_keys_that_come_again_go_on_behind_their_numbers(self):
        """Deleted and made again, with a crash between, or under another name in one transaction with the deletion."""
        group = default_group(shape=("tun", "esp"))
        lines = [sa.command() for sa in group] + ["spigrp " + " ".join(sa.words for sa in group)]
        self.add_group(group, SELECTOR)
        highest = max(self.sequence_of_next(group) for _ in range(5))
        for between in (lambda: None, self.crash, self.restart):
            self.gateway.do(f"spi --said {group[0].said} --del")
            between()
            self.gateway.batch(lines)
            now = self.sequence_of_next(group)
            self.assertGreater(now, highest)
            self.assertLess(now, highest + 2 * 2**20)
            highest = now
        self.gateway.batch([f"spi --said {group[0].said} --del", *lines])
        self.assertGreater(self.sequence_of_next(group), highest)
        self.assertIn("its keys were used before", self.gateway.log())

    def test_a_replay_window_begins_closed_after_a_crash(self):
        group = default_group(shape=("tun", "esp"), inbound=True)
        self.add_group(group)
        packets = [peer.encap(group, udp(FAR_HOST, LAN_HOST), number) for number in range(1, 21)]
        self.wan.send(*packets)
        self.lan.receive(20)
        lab.wait_until(lambda: self.stored("SELECT max(received) FROM sa")[0][0] >= 20, "the store knows them", 20)
        self.crash()
        before = self.gateway.totals()["dropped"]
        self.wan.send(*packets)
        lab.wait_until(lambda: sum(self.gateway.drops(reason) for reason in ("outside_window", "replayed")) >= 20,
                       lambda: f"20 replays are dropped: {before}, {self.gateway.totals()}")
        self.assertEqual(self.lan.packets(), [])
        mark = self.stored("SELECT max(received) FROM sa")[0][0]
        self.wan.send(peer.encap(group, udp(FAR_HOST, LAN_HOST), mark + 1))
        self.assertEqual(len(self.lan.receive(1)), 1)

    def test_the_startup_batch_is_for_the_beginning_only(self):
        config = self.gateway.folder / "config.toml"
        text = config.read_text()
        (self.gateway.folder / "startup").write_text("tncfg --create ipsec9\n")
        config.write_text(f'startup_batch = "{self.gateway.folder}/startup"\n' + text)
        try:
            self.restart()
            self.assertNotIn("ipsec9", self.gateway.do("tncfg"))
        finally:
            config.write_text(text)

    def test_only_its_owner_can_read_the_state(self):
        self.assertEqual((self.state / "kept").stat().st_mode & 0o777, 0o700)
        for file in (self.state / "kept").iterdir():
            self.assertEqual(file.stat().st_mode & 0o077, 0, file)

    def test_a_second_daemon_is_refused(self):
        other = lab.Daemon([{"name": "lan", "device": "net_null0,no-rx=1"}], self.options, name="other")
        with self.assertRaisesRegex(AssertionError, "spigrp.db: another daemon uses it"):
            other.start()


class LifetimeSurvivalTest(StateTest):
    """What is used of a lifetime, of a tun SA as of an esp SA."""

    def make(self, life, place):
        group = default_group(shape=("tun", "esp"))
        lines = group_lines(group, SELECTOR)
        lines[place] += f" --life {life}"
        self.gateway.batch(lines)
        return group[place]

    def send(self, count, passing):
        """So many packets, of which so many leave; the others find a lifetime that is over."""
        def send():
            for number in range(count):
                self.lan.send(plain(LAN_HOST, FAR_HOST, b"packet %d" % number))
            if passing:
                self.assertEqual(len(self.wan.receive(passing)), passing)
        if passing == count:
            send()
        else:
            self.assert_dropped("sa_expired", count - passing, send)

    def listed(self, sa):
        return next(line for line in self.gateway.do("spi").splitlines() if line.startswith(sa.said))

    def wait_until_stored(self, sa, column, wanted):
        lab.wait_until(lambda: self.stored(f"SELECT {column} FROM sa WHERE id = '{sa.said}'")[0][0] == wanted,
                       f"the store has {column} {wanted}", 20)

    def test_over_ends_a_limit_is_reached_exactly(self):
        for place in (0, 1):
            sa = self.make("soft-packets=6,hard-packets=8", place)
            self.send(5, 5)
            self.restart()
            self.send(2, 2)
            self.assertIn("packets(7,6,8)", self.listed(sa))
            self.restart()
            self.send(3, 1)
            row = next(row for row in self.gateway.list("spi") if row["id"] == sa.said)
            self.assertEqual((row["packets"], row["lifetime_packets"], row["expired"]), (1, 8, 2))
            for restart in (self.restart, self.crash):
                restart()
                lab.wait_until(lambda: "expired=hard" in self.listed(sa), "it is over before a packet comes")
                self.send(2, 0)
            self.gateway.batch(["eroute --clear", "spi --clear"])

    def test_over_crashes_an_sa_that_rested_has_exactly_what_was_left(self):
        for place in (0, 1):
            sa = self.make("hard-packets=8", place)
            self.send(5, 5)
            self.wait_until_stored(sa, "used_packets", 5)
            self.crash()
            self.send(4, 3)
            self.wait_until_stored(sa, "used_packets", 8)
            self.crash()
            self.send(2, 0)
            self.gateway.batch(["eroute --clear", "spi --clear"])

    def test_killed_again_and_again_in_the_middle_it_comes_to_its_end(self):
        limit, rate, lives = 8000, 1000, 0
        sa = self.make(f"hard-packets={limit}", 1)

        def is_over():
            return "expired=hard" in self.listed(sa)

        def used():
            return self.stored(f"SELECT used_packets FROM sa WHERE id = '{sa.said}'")[0][0]
        with Sink(self.wan) as sink:
            with Stream(self.lan, lambda number: plain(LAN_HOST, FAR_HOST, number.to_bytes(8, "big")), rate):
                while not is_over():
                    self.assertLess(lives, 50, "it does not end")
                    before = used()
                    lab.wait_until(lambda: used() > before or is_over(), "the store knows of more that is used", 20)
                    self.crash()
                    lives += 1
        passed = sum(packet[9] == 50 for packet in sink.collected)
        self.assertGreater(lives, 0)
        self.assertLessEqual(passed, limit + lives * 2 * rate)

    def test_the_time_of_use_goes_on(self):
        sa = self.make("hard-usetime=5", 1)
        began = time.monotonic()
        self.send(1, 1)
        self.restart()
        lab.wait_until(lambda: "expired=hard" in self.listed(sa), "its time is over")
        self.assertGreater(time.monotonic() - began, 3.9)
        self.send(1, 0)
        self.crash()
        self.send(1, 0)

    def test_eroutes_that_were_ever_pointed_at_it_count(self):
        sa = self.make("hard-allocations=3", 0)
        other, third = (eroute_line(f"10.1.0.{host}/32 {FAR_HOST}/32", sa) for host in (3, 4))
        self.gateway.batch([other])
        self.gateway.do(f"eroute --del --eraf inet --src 10.1.0.3/32 --dst {FAR_HOST}/32")
        self.gateway.batch([other])
        for restart in (self.restart, self.crash):
            restart()
            self.assertIn("allocations(3,0,3)", self.listed(sa))
            self.assertIn("allows no further eroute", self.gateway.run(third).stderr)


class KilledTest(StateTest):
    def test_no_number_is_used_twice_whenever_it_is_killed(self):
        """Edits and packets, and a kill at a random moment, again and again."""
        group = default_group()
        self.add_group(group, SELECTOR)
        chance = random.Random(4)
        seen, made = set(), set()
        with Sink(self.wan) as sink:
            with Stream(self.lan, lambda number: plain(LAN_HOST, FAR_HOST, number.to_bytes(8, "big")), 1000) as stream:
                for kill in range(KILLS):
                    before = stream.sent
                    edits = chance.randrange(0, 8)
                    for edit in range(edits):
                        name = f"esp.{0x1000 + kill * 16 + edit:x}@192.0.2.7"
                        self.gateway.do(f"spi --said {name} --src 192.0.2.1 --esp null-sha1-96 --authkey 0x{'33' * 20}")
                        made.add(name)
                    self.gateway.do("spigrp --replace " + " ".join(sa.words for sa in
                                                                   (group if kill % 2 else group[:2])))
                    lab.wait_until(lambda: stream.sent > before + chance.randrange(1, 200), "packets flow")
                    self.gateway.kill()
                    self.gateway.start()
                    there = set(self.gateway.do("spi").split())
                    self.assertEqual(made - there, set(), "an acknowledged edit is lost")
                    self.assertEqual(self.gateway.do("spigrp").split(),
                                     [sa.said for sa in (group if kill % 2 else group[:2])])
        for packet in sink.collected:
            if packet[9] not in (50, 51):
                continue
            numbers = packet[20:28] if packet[9] == 50 else packet[24:32]
            self.assertNotIn((packet[9], numbers), seen)
            seen.add((packet[9], numbers))
            if packet[9] == 51:
                inner = packet[20 + 4 * (packet[21] + 2):][:8]
                self.assertNotIn((50, inner), seen)
                seen.add((50, inner))
        self.assertGreater(len(seen), KILLS)


class DurableTest(StateTest):
    durable = True

    def test_it_survives_too(self):
        self.add_group(default_group(), SELECTOR)
        before = self.saved()
        self.crash()
        self.assertEqual(self.saved(), before)


class LargeTest(StateTest):
    """The daemon ends, or is killed, in the middle of a large transaction."""
    more = {"tables": {"sas": 131072}, "memory": {"megabytes": 512}}
    count = 50_000

    def commit(self):
        """Begins to commit; returns the client."""
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(client.close)
        client.settimeout(lab.LIMIT_S)
        client.connect(str(self.gateway.socket_path))
        text = "".join(f"spi --said esp.{spi:x}@192.0.2.9 --src 192.0.2.1 --esp aes128gcm16 --enckey 0x{spi:040x}\n"
                       for spi in range(0x1000, 0x1000 + self.count))
        for method, params in (("begin", {}), ("lines", {"text": text})):
            client.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")
            self.assertIn(b"result", client.recv(4096))
        client.sendall(b'{"jsonrpc":"2.0","id":1,"method":"commit"}\n')
        return client

    def sas(self):
        return self.gateway.call("status")["result"]["sas"]

    def test_an_end_in_the_middle_waits_for_it(self):
        client = self.commit()
        self.sas()  # read behind the commit
        log = self.restart()
        self.assertIn("ended", log)
        self.assertEqual(self.sas(), self.count)
        client.close()
        self.gateway.do("spi --clear")

    def test_killed_in_the_middle_all_of_it_is_there_or_nothing(self):
        for wait_s in (0, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2):
            client = self.commit()
            client.settimeout(wait_s or 0.01)
            try:
                made = b"result" in client.recv(4096)  # as long as it may take
            except TimeoutError:
                made = False
            self.crash()
            there = self.sas()
            self.assertIn(there, (self.count,) if made else (0, self.count))
            self.gateway.do("spi --clear")


class FullDiskTest(StateTest):
    """The state lies on a small disk."""

    @classmethod
    def setUpClass(cls):
        cls.disk = pathlib.Path(tempfile.mkdtemp(prefix="spigrp-disk-"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(cls.disk)], check=True)
        cls.addClassCleanup(lambda: subprocess.run(["rm", "-r", str(cls.disk)], check=True))
        cls.addClassCleanup(lambda: subprocess.run(["umount", str(cls.disk)], check=True))
        cls.options = {"": {"state": str(cls.disk / "kept")}}
        GatewayTest.setUpClass.__func__(cls)
        cls.state = cls.disk

    @classmethod
    def tearDownClass(cls):
        GatewayTest.tearDownClass.__func__(cls)

    def test_what_cannot_be_stored_is_refused_and_traffic_goes_on(self):
        group = default_group()
        self.add_group(group, SELECTOR)
        fill = self.disk / "fill"
        with open(fill, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        before = self.saved()
        refused = None
        for edit in range(2000):  # the log has some room of its own
            result = self.gateway.run(f"spi --said esp.{0x1000 + edit:x}@192.0.2.7 --src 192.0.2.1 --esp null-sha1-96 "
                                      f"--authkey 0x{'33' * 20}")
            if result.returncode != 0:
                refused = result
                break
            before = self.saved()
        self.assertEqual(refused.returncode, 1)
        self.assertRegex(refused.stderr, r"spigrp.db: the change could not be stored, and was not made: .*full")
        self.assertEqual(self.saved(), before)
        self.lan.send(udp(LAN_HOST, FAR_HOST))
        self.assertEqual(len(self.wan.receive(1)), 1)
        fill.unlink()
        self.gateway.do("spigrp --replace " + " ".join(sa.words for sa in group[:2]))
        before = self.saved()
        self.crash()
        self.assertEqual(self.saved(), before)


class BrokenStateTest(unittest.TestCase):
    def start_with(self, prepare, durable=False):
        """A daemon on a state directory that prepare(path) has made; what it says when it does not start."""
        with tempfile.TemporaryDirectory() as folder:
            kept = pathlib.Path(folder) / "kept"
            kept.mkdir()
            prepare(kept)
            daemon = lab.Daemon([{"name": "lan", "device": "net_null0,no-rx=1"}], {"": {"state": str(kept)}})
            with self.assertRaises(AssertionError) as failed:
                daemon.start()
            return str(failed.exception)

    def database(self, *statements):
        """prepare() that lets a daemon make the file, and then changes it."""
        def prepare(kept):
            daemon = lab.Daemon([{"name": "lan", "device": "net_null0,no-rx=1"}], {"": {"state": str(kept)}})
            daemon.start()
            daemon.batch(["spi --said esp.300@192.0.2.9 --src 192.0.2.1 --esp null-sha1-96 --authkey 0x" + "33" * 20])
            daemon.stop()
            with contextlib.closing(sqlite3.connect(kept / "spigrp.db")) as database:
                for statement in statements:
                    database.execute(statement)
                database.commit()
        return prepare

    def test_garbage_is_no_database(self):
        said = self.start_with(lambda kept: (kept / "spigrp.db").write_bytes(os.urandom(8192)))
        self.assertRegex(said, "spigrp.db: file is not a database; .*move it away")

    def test_a_cut_off_file_is_told_of(self):
        def cut(kept):
            self.database()(kept)
            data = (kept / "spigrp.db").read_bytes()
            (kept / "spigrp.db").write_bytes(data[:len(data) // 2])
        self.assertRegex(self.start_with(cut), "spigrp.db: .*(malformed|not a database|disk image)")

    def test_a_row_that_cannot_be_read_is_named(self):
        said = self.start_with(self.database("UPDATE sa SET line = 'spi --said esp.300@192.0.2.9 --bend'"))
        self.assertRegex(said, "state: esp.300@192.0.2.9: .*--bend")
        said = self.start_with(self.database("INSERT INTO network VALUES(2, 'x', 'address --add 10.0.0.1/8 --dev gone')"))
        self.assertRegex(said, "state: x: .*no such port")

    def test_a_later_version_is_not_understood(self):
        self.assertRegex(self.start_with(self.database("PRAGMA user_version = 9")), "written by a later version")
