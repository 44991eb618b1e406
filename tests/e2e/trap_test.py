# %trap with the real daemon: monitor tells of scapy's packet, and when an SA replaces the eroute that packet leaves
# protected. %hold keeps the last packet.
import os
import subprocess

import lab
import peer
from gateway import FAR_HOST, LAN_HOST, GatewayTest, default_group, eroute_line, plain

SELECTOR = f"{LAN_HOST}/32 {FAR_HOST}/32"


class TrapTest(GatewayTest):
    def monitor(self):
        """monitor --only acquire, listening."""
        log = open(self.gateway.folder / "monitor", "w+b")
        process = subprocess.Popen([*self.gateway.prefix, str(self.gateway.links / "ipsec"), "monitor", "--only",
                                    "acquire"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   env={**os.environ, "SPIGRP_SOCKET": str(self.gateway.socket_path)})
        self.addCleanup(log.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return lambda: (self.gateway.folder / "monitor").read_text()

    def settled(self, received):
        """All are here, and the last of them is held."""
        totals = self.gateway.totals()
        return totals["received"] >= received and totals["punted"] - totals["injected"] == 1

    def test_a_trapped_packet_is_told_of_and_leaves_protected_when_there_is_an_sa(self):
        lines = self.monitor()
        group = default_group("aes128gcm16", ("tun", "esp"))
        self.gateway.batch([eroute_line(SELECTOR, "%trap")])
        self.assertIn("trapped: ", self.gateway.do(f"explain --src {LAN_HOST} --dst {FAR_HOST}"))
        packets = [plain(LAN_HOST, FAR_HOST, text) for text in (b"first of its flow", b"and the last")]
        received = self.gateway.totals()["received"]
        sent = 0

        def told():
            nonlocal sent
            self.lan.send(packets[0])  # until monitor listens: it is told of a flow once, so the trap is set anew
            sent += 1
            if "acquire" in lines():
                return True
            self.gateway.batch([eroute_line(SELECTOR, "%trap", "--replace")])
            return False
        lab.wait_until(told, lambda: f"no acquire event: {lines()}", pause_s=0.1)
        self.assertIn(f"{LAN_HOST}/32:0 -> {FAR_HOST}/32:0", lines())
        self.assertIn(f"trap {LAN_HOST}/32:0 -> {FAR_HOST}/32:0", lines())
        lab.wait_until(lambda: self.settled(received + sent), lambda: str(self.gateway.totals()))
        before = self.gateway.drops("eroute_hold")
        self.lan.send(packets[1])
        lab.wait_until(lambda: self.gateway.drops("eroute_hold") > before, lambda: str(self.gateway.totals()))
        self.assertEqual(self.wan.packets(), [])
        self.gateway.batch([sa.command() for sa in group] + ["spigrp " + " ".join(sa.words for sa in group),
                                                             eroute_line(SELECTOR, group[0], "--replace")])
        wire, = self.wan.receive(1)
        self.assertEqual(peer.decap(group, wire), peer.forwarded(packets[1]))

    def test_a_hold_keeps_the_last_packet(self):
        self.gateway.batch([eroute_line(SELECTOR, "%hold")])
        packets = [plain(LAN_HOST, FAR_HOST, bytes([number]) * 9) for number in range(3)]
        before = self.gateway.drops("eroute_hold")
        self.lan.send(*packets)
        lab.wait_until(lambda: self.gateway.drops("eroute_hold") == before + 2, lambda: str(self.gateway.totals()))
        self.assertEqual(self.wan.packets(), [])
        self.gateway.batch([eroute_line(SELECTOR, "%pass", "--replace")])
        self.assertEqual(self.wan.receive(1), [peer.forwarded(packets[2])])

