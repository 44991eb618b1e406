# A daemon with memif ports, and the other ends of them.
import pathlib
import shutil
import sys
import tempfile
import time
import unittest

import lab
from gateway import FAR_GATEWAY, FAR_HOST, GATEWAY, LAN_HOST, plain

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import memif  # the far end of a memif port

LAN_MAC, WAN_MAC, FAR_MAC = "02:00:00:00:01:01", "02:00:00:00:01:02", "02:00:00:00:02:02"
HEADER = bytes.fromhex((LAN_MAC + "020000000205").replace(":", "")) + b"\x08\x00"


class MemifTest(unittest.TestCase):
    def start(self, workers):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="spigrp-memif-"))
        self.addCleanup(shutil.rmtree, folder)
        daemon = lab.Daemon([
            {"name": name, "mac": mac, "addresses": [address], "device":
             f"net_memif{number},role=server,id={number},socket={folder}/{name}.sock,socket-abstract=no"}
            for number, (name, mac, address) in enumerate((("lan", LAN_MAC, "10.1.0.1/24"),
                                                           ("wan", WAN_MAC, f"{GATEWAY}/24")))],
            {"workers": {"count": workers}})
        self.addCleanup(daemon.stop)
        daemon.start()
        daemon.batch([f"route --add --dst 10.2.0.0/16 --via {FAR_GATEWAY}",
                      f"neigh --add --dst {FAR_GATEWAY} --mac {FAR_MAC} --dev wan"])
        self.sockets = [str(folder / f"{name}.sock") for name in ("lan", "wan")]
        return daemon, *self.ends()

    def ends(self):
        return [memif.Port(path, number) for number, path in enumerate(self.sockets)]

    def send_through(self, lan, wan, packets):
        """What comes out at the wan, of so many; without Ethernet header, sorted."""
        lan.sender.load([HEADER + packet for packet in packets])
        lan.sender.send(len(packets))
        came = []
        end = time.monotonic() + lab.LIMIT_S
        while len(came) < len(packets) and time.monotonic() < end:
            came += [bytes(frame) for frame in wan.receiver.frames()]
        return sorted(frame[34:] for frame in came)

    def test_two_workers_share_ports_whose_peers_have_one_queue(self):
        """Each packet comes out once, whole."""
        daemon, lan, wan = self.start(workers=2)
        payloads = [number.to_bytes(4, "big") * 8 for number in range(500)]
        came = self.send_through(lan, wan, [plain(LAN_HOST, FAR_HOST, payload) for payload in payloads])
        self.assertEqual(came, payloads)
        totals = daemon.totals()
        self.assertEqual((totals["received"], totals["sent"]), (500, 500))
        for port in (lan, wan):
            port.close()

    def test_peers_go_in_the_middle_of_traffic_and_come_again(self):
        """Memory that the driver takes away is no worker's at that moment."""
        daemon, lan, wan = self.start(workers=1)
        burst = [HEADER + plain(LAN_HOST, FAR_HOST, bytes(1400))]
        for goes in range(60):
            lan.sender.load(burst)
            lan.sender.send(lan.sender.room())
            first, second = (lan, wan) if goes % 2 else (wan, lan)
            first.close()
            second.close()
            lan, wan = self.ends()
        self.assertEqual(self.send_through(lan, wan, [plain(LAN_HOST, FAR_HOST, b"there still")]), [b"there still"])
        daemon.check_accounting()
        for port in (lan, wan):
            port.close()

    def test_the_sockets_of_a_killed_daemon_are_no_hindrance(self):
        daemon, lan, wan = self.start(workers=1)
        daemon.kill()
        for port in (lan, wan):
            port.close()
        daemon.start()
        for port in self.ends():
            port.close()
