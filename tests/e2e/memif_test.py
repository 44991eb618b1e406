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
        ends = [memif.Port(str(folder / f"{name}.sock"), number) for number, name in enumerate(("lan", "wan"))]
        return daemon, *ends

    def test_two_workers_share_ports_whose_peers_have_one_queue(self):
        """Each packet comes out once, whole."""
        daemon, lan, wan = self.start(workers=2)
        header = bytes.fromhex((LAN_MAC + "020000000205").replace(":", "")) + b"\x08\x00"
        lan.sender.load([header + plain(LAN_HOST, FAR_HOST, number.to_bytes(4, "big") * 8) for number in range(500)])
        lan.sender.send(500)
        came = []
        end = time.monotonic() + lab.LIMIT_S
        while len(came) < 500 and time.monotonic() < end:
            came += [bytes(frame) for frame in wan.receiver.frames()]
        self.assertEqual(sorted(frame[34:] for frame in came), [number.to_bytes(4, "big") * 8 for number in range(500)])
        totals = daemon.totals()
        self.assertEqual((totals["received"], totals["sent"]), (500, 500))
        daemon.stop()  # before the other ends of its ports go
        for port in (lan, wan):
            port.close()
