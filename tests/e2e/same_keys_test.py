# SAs that are deleted and made again with the same keys in one transaction, which takes its time, while workers still
# send with the old ones, or deleted so before a crash: invariant 1 of docs/architecture.md, no number comes twice with a
# key. The packets go through memif ports, because the old SA's numbers must be used fast.
import collections
import json
import pathlib
import shutil
import socket
import struct
import sys
import tempfile
import threading
import time
import unittest

import lab
from gateway import FAR_GATEWAY, FAR_HOST, GATEWAY, LAN_HOST, default_group, eroute_line, group_lines, plain

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import memif  # the far end of a memif port

SELECTOR = f"{LAN_HOST}/32 {FAR_HOST}/32"
SEQUENCE_AT = 14 + 20 + 4
LAN_MAC, WAN_MAC, HOST_MAC, FAR_MAC = (f"02:00:00:00:{number:02x}:0{1 + number % 2}" for number in range(1, 5))
# SAs that the transaction makes besides: about two seconds, in which more is sent than any margin of some 65,536 numbers.
MORE_SAS = 100_000


class Client:
    """One connection, whose answers may be waited for later."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(lab.LIMIT_S * 3)
        self.socket.connect(str(path))
        self.lines = self.socket.makefile("rb")

    def send(self, method, params=None):
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def read(self):
        answer = json.loads(self.lines.readline())
        if "error" in answer:
            raise AssertionError(answer["error"]["message"])
        return answer["result"]

    def close(self):
        self.lines.close()
        self.socket.close()


class MemifGatewayTest(unittest.TestCase):
    """A gateway with a group that has sent nothing yet, and the other ends of its ports."""
    has_state = False

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="spigrp-memif-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.gateway = lab.Daemon([
            {"name": name, "mac": mac, "addresses": [address], "device":
             f"net_memif{number},role=server,id={number},socket={self.folder}/{name}.sock,socket-abstract=no"}
            for number, (name, mac, address) in enumerate((("lan", LAN_MAC, "10.1.0.1/24"),
                                                           ("wan", WAN_MAC, f"{GATEWAY}/24")))],
            {"": {"state": f"{self.folder}/state"} if self.has_state else {}, "tables": {"sas": 131072}})
        self.addCleanup(self.gateway.stop)
        self.gateway.start()
        self.group = default_group("aes128gcm16", ("tun", "esp"))
        self.gateway.batch([
            "tncfg --create ipsec0", "tncfg --attach --virtual ipsec0 --physical wan",
            f"route --add --dst 10.2.0.0/16 --via {FAR_GATEWAY} --dev ipsec0",
            f"neigh --add --dst {FAR_GATEWAY} --mac {FAR_MAC} --dev wan",
            *group_lines(self.group, SELECTOR)])
        self.numbers = collections.Counter()  # on the wire
        self.connect()

    def tearDown(self):
        self.gateway.stop()  # before the other ends of its ports go

    def connect(self):
        self.lan, self.wan = (memif.Port(str(self.folder / f"{name}.sock"), number)
                              for number, name in enumerate(("lan", "wan")))
        for port in (self.lan, self.wan):
            self.addCleanup(port.close)
        self.lan.sender.load([bytes.fromhex((LAN_MAC + HOST_MAC).replace(":", "")) + b"\x08\x00"
                              + plain(LAN_HOST, FAR_HOST, b"any of them")])

    def crash(self):
        self.gateway.kill()
        for name in ("lan", "wan"):  # DPDK does not take over the sockets of one that was killed
            (self.folder / f"{name}.sock").unlink()
        self.gateway.start()
        self.connect()

    def carry(self, until, most=1 << 30):
        """Sends as fast as it goes, `most` packets, and notes what leaves, until it is time or the limit is reached."""
        end = time.monotonic() + lab.LIMIT_S * 3
        while not until():
            self.assertLess(time.monotonic(), end, "not within the limit")
            count = min(self.lan.sender.room(), 256, most)
            if count:
                self.lan.sender.send(count)
                most -= count
            self.numbers.update(struct.unpack_from("!I", frame, SEQUENCE_AT)[0] for frame in self.wan.receiver.frames())

    def carry_during(self, lines, most=1 << 30):
        """Packets flow while the transaction is being made. How many left meanwhile."""
        more = [f"spi --said esp.{0x10000 + number:x}@192.0.2.9 --src {GATEWAY} --esp null-sha1-96 --authkey "
                f"0x{number:040x}" for number in range(MORE_SAS)]
        client, answer = Client(self.gateway.socket_path), []
        self.addCleanup(client.close)
        for method, params in (("begin", {}), ("lines", {"text": "\n".join(lines)}), ("lines", {"text": "\n".join(more)})):
            client.send(method, params)
            client.read()
        before = self.numbers.total()
        client.send("commit")
        time.sleep(0.02)  # for the gateway to look at the old SA, which may have sent nothing by then
        reader = threading.Thread(target=lambda: answer.append(client.read()))
        reader.start()
        self.carry(lambda: not reader.is_alive(), most)
        self.assertEqual(len(answer), 1)
        return self.numbers.total() - before

    def carry_on(self):
        before = self.numbers.total()
        self.carry(lambda: self.numbers.total() > before + 1000)

    def make_again(self):
        return [f"spi --said {self.group[0].said} --del", *group_lines(self.group),
                eroute_line(SELECTOR, self.group[0], "--replace")]

    def assert_none_twice(self):
        twice = sum(count - 1 for count in self.numbers.values())
        self.assertEqual(twice, 0, f"{twice} of {self.numbers.total()} packets have a number that another had")


class SameKeysTest(MemifGatewayTest):
    def test_numbers_that_an_idle_sa_uses_while_it_is_made_again_are_not_used_again(self):
        self.assertGreater(self.carry_during(self.make_again(), 256), 0)
        self.carry_on()
        self.assert_none_twice()

    def test_numbers_that_a_busy_sa_uses_while_it_is_made_again_are_not_used_again(self):
        self.carry_on()
        self.assertGreater(self.carry_during(self.make_again()), 1 << 16)
        self.carry_on()
        self.assert_none_twice()

    def test_numbers_that_an_sa_uses_while_it_is_replaced_with_the_same_keys_are_not_used_again(self):
        self.assertGreater(self.carry_during([self.group[1].command() + " --replace"], 256), 0)
        self.carry_on()
        self.assert_none_twice()


class TwoOfSameKeysTest(unittest.TestCase):
    """Two SAs that are there at the same time: one manual key for both directions."""
    key = "0x" + "5a" * 20
    out, back, third = f"esp.100@{FAR_GATEWAY}", f"esp.200@{GATEWAY}", f"esp.300@{FAR_GATEWAY}"

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="spigrp-keys-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.gateway = lab.Daemon([{"name": "lan", "device": "net_null0,no-rx=1", "addresses": ["10.1.0.1/24"]}],
                                  {"": {"state": f"{self.folder}/state"}})
        self.addCleanup(self.gateway.stop)
        self.gateway.start()

    def add(self, said, more=""):
        return f"spi --said {said} --src {GATEWAY if said != self.back else FAR_GATEWAY} --esp aes128gcm16 --enckey {self.key} {more}"

    def warnings(self, line, stdin=None):
        """What a command that must succeed says on standard error."""
        result = self.gateway.run(line, stdin)
        self.assertEqual((result.returncode, result.stdout), (0, ""), result.stderr)
        self.assertNotIn("5a5a", result.stderr)
        return result.stderr

    def test_the_second_is_made_and_warned_of_once(self):
        warning = f"{self.back}: has the same keys as {self.out}"
        self.assertEqual(self.warnings(self.add(self.out)), "")
        said = self.warnings(self.add(self.back))
        self.assertTrue(said.startswith(f"spi: warning: {warning}"), said)
        self.assertEqual(len(said.splitlines()), 1)
        self.assertEqual(self.warnings(self.add(self.back, "--replace")), "")
        self.assertEqual(self.warnings(self.add(self.out, "--replace")), "")
        self.assertEqual({sa["id"] for sa in self.gateway.list("spi")}, {self.out, self.back})
        self.assertEqual(self.gateway.log().count(warning), 1)
        self.assertNotIn("5a5a", self.gateway.log())

    def test_one_that_takes_the_others_place_is_not_warned_of(self):
        self.warnings(self.add(self.out))
        self.assertEqual(self.warnings("batch -", f"{self.add(self.third)}\nspi --said {self.out} --del\n"), "")
        self.assertIn(f"as {self.third}", self.warnings(self.add(self.back)))

    def test_of_thousands_some_are_named_and_the_others_counted(self):
        lines = "".join(self.add(f"esp.{spi:x}@{FAR_GATEWAY}") + "\n" for spi in range(0x1000, 0x1000 + 3000))
        said = self.warnings("batch -", lines).splitlines()
        self.assertEqual(len(said), 9)
        self.assertIn("esp.1001@", said[0])
        self.assertIn("2991 more SAs", said[8])

    def test_who_starts_with_them_is_told_by_the_log(self):
        self.warnings(self.add(self.out))
        self.warnings(self.add(self.back))
        self.gateway.kill()
        self.gateway.start()
        self.assertRegex(self.gateway.log(), "has the same keys as")


class SameKeysAfterCrashTest(MemifGatewayTest):
    """The SA is deleted while it sends, the gateway is killed, and the SA comes again."""
    has_state = True

    def delete_crash_and_make_again(self, most):
        meanwhile = self.carry_during([f"spi --said {self.group[0].said} --del"], most)
        self.crash()
        self.gateway.batch([*group_lines(self.group), eroute_line(SELECTOR, self.group[0], "--replace")])
        self.carry_on()
        return meanwhile

    def test_numbers_that_an_idle_sa_uses_while_it_is_deleted_are_not_used_again(self):
        self.assertGreater(self.delete_crash_and_make_again(256), 0)
        self.assert_none_twice()

    def test_numbers_that_a_busy_sa_uses_while_it_is_deleted_are_not_used_again(self):
        self.carry_on()
        self.assertGreater(self.delete_crash_and_make_again(1 << 30), 1 << 16)
        self.assert_none_twice()
