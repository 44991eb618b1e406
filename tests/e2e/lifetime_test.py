# Lifetimes of SAs with the real commands, scapy at the other end, and `monitor` telling of them (RFC 4301 4.4.2.1).
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import lab
import peer
from gateway import FAR_HOST, LAN_HOST, GatewayTest, default_group, group_lines, plain

SELECTOR = f"{LAN_HOST}/32 {FAR_HOST}/32"


class Monitor:
    """`spigrpctl monitor` while a test runs; its lines as they come."""

    def __init__(self, gateway, *words):
        self.lines = []
        self.process = subprocess.Popen(
            [lab.find_program("spigrpctl"), "monitor", *words, "--socket", str(gateway.socket_path)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def wait_for(self, pattern):
        lab.wait_until(lambda: any(re.search(pattern, line) for line in self.lines),
                       lambda: f"monitor says {pattern}; it says {self.lines}")

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(lab.LIMIT_S)
        self.reader.join()
        self.process.stdout.close()


class LifetimeTest(GatewayTest):
    driver = "pcap"

    def monitor(self, *words):
        """Once it is there: a first edit is told."""
        monitor = Monitor(self.gateway, *words)
        self.addCleanup(monitor.end)

        def heard():
            self.gateway.do("spi --clear")
            return monitor.lines
        lab.wait_until(heard, lambda: f"monitor hears something; it says {monitor.lines}")
        return monitor

    def make(self, life, inbound=False, place=1):
        group = default_group(inbound=inbound)
        lines = group_lines(group, *([] if inbound else [SELECTOR]))
        lines[place] += f" --life {life}"
        self.gateway.batch(lines)
        return group

    def send(self, count):
        for _ in range(count):
            self.lan.send(plain(LAN_HOST, FAR_HOST, os.urandom(32)))

    def test_exactly_so_many_packets_leave_and_both_limits_are_told_once(self):
        monitor = self.monitor()
        group = self.make("soft-packets=5,hard-packets=8")
        said = re.escape(group[1].said)
        self.send(5)
        for packet in self.wan.receive(5):
            peer.decap(group, packet)
        monitor.wait_for(f"expire {said} soft packets=5$")
        self.send(3)
        self.wan.receive(3)
        monitor.wait_for(f"expire {said} hard packets=8$")
        self.assert_dropped("sa_expired", 4, lambda: self.send(4))
        self.assertEqual(len([line for line in monitor.lines if " expire " in line]), 2)
        listed = next(line for line in self.gateway.do("spi").splitlines() if line.startswith(group[1].said))
        self.assertIn("packets(8,5,8)", listed)
        self.assertIn("expired=hard", listed)
        self.assertIn("expired_errs=4", listed)

    def test_inbound_exactly_so_many_are_taken(self):
        monitor = self.monitor("--only", "expire,change", "--json")
        group = self.make("hard-packets=3", inbound=True)
        packets = [peer.encap(group, plain(FAR_HOST, LAN_HOST, b"inwards %d" % number)) for number in range(5)]
        self.wan.send(*packets[:3])
        self.assertEqual(len(self.lan.receive(3)), 3)
        self.assert_dropped("sa_expired", 2, lambda: self.wan.send(*packets[3:]))
        monitor.wait_for('"expire"')
        event = json.loads(next(line for line in monitor.lines if '"expire"' in line))
        self.assertEqual((event["id"], event["expiry"], event["limit"], event["value"]),
                         (group[1].said, "hard", "packets", 3))
        self.assertLess(abs(event["time_ms"] / 1000 - time.time()), 60)

    def test_a_time_ends_without_a_packet(self):
        monitor = self.monitor()
        made = time.monotonic()
        group = self.make("soft-addtime=1,hard-addtime=2", place=0)
        monitor.wait_for(f"expire {re.escape(group[0].said)} soft addtime=1$")
        self.assertGreater(time.monotonic() - made, 0.9)
        monitor.wait_for(f"expire {re.escape(group[0].said)} hard addtime=2$")
        self.assertGreater(time.monotonic() - made, 1.9)
        self.assert_dropped("sa_expired", 1, lambda: self.send(1))

    def test_a_new_sa_takes_over_without_a_packet_lost(self):
        """What an operator does at a soft limit."""
        group = self.make("soft-packets=2,hard-packets=3")
        self.send(2)
        self.wan.receive(2)
        new = default_group(first_spi=0x223)
        self.gateway.batch([sa.command() for sa in new[1:]] + [
            "spigrp --replace " + " ".join(sa.words for sa in [group[0], *new[1:]])])
        self.send(5)
        for packet in self.wan.receive(5):
            peer.decap([group[0], *new[1:]], packet)

    def test_wrong_lifetimes_are_refused(self):
        esp = default_group()[1]
        for life, word in (("soft-packets", "is no lifetime"), ("hard-bytes=0", "no number above 0"),
                           ("soft-bytes=2,hard-bytes=1", "lies behind"), ("hard-addtime=99999999999", "4294967295")):
            result = self.gateway.run(f"{esp.command()} --life {life}")
            self.assertIn(word, result.stderr)
            self.assertEqual(result.returncode, 2)

    def test_monitor_refuses_what_is_no_event(self):
        result = self.gateway.run([str(self.gateway.links / "ipsec"), "monitor", "--only", "party"])
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("no such event", result.stderr)


class UnheardTest(GatewayTest):
    """Clients that listen to events, or do not."""
    options = {"socket": {"idle_seconds": 1}}

    def listen(self):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(client.close)
        client.settimeout(lab.LIMIT_S)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(str(self.gateway.socket_path))
        client.sendall(b'{"jsonrpc":"2.0","id":1,"method":"monitor","params":{}}\n')
        return client, client.makefile("rb")

    def test_one_that_listens_may_be_silent_as_long_as_it_likes(self):
        client, lines = self.listen()
        self.assertEqual(json.loads(lines.readline()), {"jsonrpc": "2.0", "id": 1, "result": {}})
        time.sleep(2.5)  # longer than idle_seconds
        self.gateway.do("spi --clear")
        event = json.loads(lines.readline())
        self.assertEqual((event["method"], event["params"]["event"]), ("event", "change"))
        client.sendall(b'{"jsonrpc":"2.0","id":2,"method":"status","params":{}}\n')
        self.assertEqual(json.loads(lines.readline())["id"], 2)

    def test_one_that_does_not_read_loses_events_with_a_count_and_delays_nobody(self):
        client, lines = self.listen()
        lines.readline()
        sent = 2500
        params = {"edits": [{"method": "sa.clear", "params": {}}] * 8}
        start = time.monotonic()
        for _ in range(sent):
            self.assertIn("result", self.gateway.call("batch", params))
        self.assertLess(time.monotonic() - start, 60)
        read, lost = 0, 0
        while read + lost < sent:
            event = json.loads(lines.readline())["params"]
            if event["event"] == "lost":
                lost += event["count"]
            else:
                read += 1
        self.assertEqual(read + lost, sent)
        self.assertGreater(lost, 0)
