# The Linux kernel as the gateway's neighbour: ARP, NDP, echo and time exceeded against somebody else's code. The kernel
# has the LAN host's addresses at its end of the veth; the WAN is played by the test.
import subprocess
import unittest

import lab
import peer
from gateway import (FAR_GATEWAY, FAR_GATEWAY6, GATEWAY, GATEWAY6, LAN_GATEWAY, LAN_GATEWAY6, LAN_HOST, LAN_HOST6,
                     echo_reply_words, echo_request, echo_words, plain)
from scapy.layers.l2 import ARP, Ether


class KernelTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lan = lab.Wire("lan", 1, kernel_addresses=[f"{LAN_HOST}/24", f"{LAN_HOST6}/64"])
        cls.wan = lab.Wire("wan", 2)
        cls.gateway = lab.Daemon([
            {"name": "lan", "device": cls.lan.device, "addresses": [f"{LAN_GATEWAY}/24", f"{LAN_GATEWAY6}/64"]},
            {"name": "wan", "device": cls.wan.device, "addresses": [f"{GATEWAY}/24", f"{GATEWAY6}/64"]}])
        cls.gateway.start()
        cls.gateway.batch([f"neigh --add --dst {address} --mac {cls.wan.test_mac} --dev wan"
                           for address in (FAR_GATEWAY, FAR_GATEWAY6)])
        lab.run("ip", "route", "add", "192.0.2.0/24", "via", LAN_GATEWAY)
        lab.run("ip", "-6", "route", "add", "2001:db8::/64", "via", LAN_GATEWAY6)
        for address in (LAN_GATEWAY, LAN_GATEWAY6):  # the kernel takes a moment to use a link that has come up
            lab.wait_until(lambda: cls.ping(address).returncode == 0, lambda: f"{address} answers the kernel's ping")

    @classmethod
    def tearDownClass(cls):
        try:
            cls.gateway.check_accounting()
        finally:
            cls.gateway.stop()
            cls.lan.close()
            cls.wan.close()

    def setUp(self):
        self.wan.frames()

    def tearDown(self):
        self.gateway.check_accounting()

    @staticmethod
    def ping(address, *words):
        return subprocess.run(["ping", "-n", "-c", "1", "-W", "2", *words, address], text=True, capture_output=True)

    def check_ping(self, address, *words):
        result = self.ping(address, *words)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def flush_neighbours(self):
        lab.run("ip", "neigh", "flush", "dev", self.lan.test_end)

    def test_linux_resolves_the_gateway_by_arp_and_gets_its_echo_back(self):
        self.flush_neighbours()
        self.check_ping(LAN_GATEWAY)
        self.assertIn(self.lan.daemon_mac, lab.run("ip", "neigh", "show", LAN_GATEWAY))

    def test_linux_resolves_the_gateway_by_ndp_and_gets_its_echo_back(self):
        self.flush_neighbours()
        self.check_ping(LAN_GATEWAY6)
        self.assertIn(self.lan.daemon_mac, lab.run("ip", "neigh", "show", LAN_GATEWAY6))

    def test_echo_of_every_size_comes_back_whole(self):
        for size in (0, 1, 7, 56, 1000, 1452):
            self.check_ping(LAN_GATEWAY, "-s", str(size))
            self.check_ping(LAN_GATEWAY6, "-s", str(size))

    def test_the_far_address_of_the_gateway_answers_too(self):
        self.check_ping(GATEWAY)
        self.check_ping(GATEWAY6)

    def through_to_linux(self, source, destination):
        """An echo request from the WAN reaches Linux, which the gateway has to resolve first, and the answer leaves."""
        request = echo_request(source, destination, 77, b"from the far side")
        self.wan.send(request)
        self.assertEqual(echo_words(self.wan.receive(1)[0]), echo_reply_words(request))

    def test_the_gateway_resolves_linux_by_arp_and_the_packet_that_waited_gets_through(self):
        self.gateway.run(f"neigh --del --dst {LAN_HOST} --dev lan")
        self.through_to_linux(FAR_GATEWAY, LAN_HOST)
        self.assertIn(self.lan.test_mac, self.gateway.do("neigh"))

    def test_the_gateway_resolves_linux_by_ndp_and_the_packet_that_waited_gets_through(self):
        self.gateway.run(f"neigh --del --dst {LAN_HOST6} --dev lan")
        self.through_to_linux(FAR_GATEWAY6, LAN_HOST6)
        self.assertIn(LAN_HOST6, self.gateway.do("neigh"))

    def test_a_neighbour_that_does_not_answer_costs_its_packets_which_are_counted(self):
        for source, destination in ((FAR_GATEWAY, "10.1.0.77"), (FAR_GATEWAY6, "fd00:1::77")):
            before = self.gateway.drops("neighbour_unresolved")
            self.wan.send(plain(source, destination, b"hello?"))
            lab.wait_until(lambda: self.gateway.drops("neighbour_unresolved") == before + 1,
                           lambda: f"the packet to {destination} is given up: {self.gateway.totals()}")

    def test_a_static_neighbour_is_not_changed_by_arp_from_the_wire(self):
        forged = ARP(op=2, hwsrc="02:de:ad:00:00:01", psrc=FAR_GATEWAY, hwdst=self.wan.daemon_mac, pdst=GATEWAY)
        self.wan.send_frame(bytes(Ether(src="02:de:ad:00:00:01", dst=self.wan.daemon_mac) / forged))
        self.through_to_linux(FAR_GATEWAY, LAN_HOST)  # its answer still finds the static neighbour
        row = next(line for line in self.gateway.do("neigh").splitlines() if FAR_GATEWAY in line.split())
        self.assertIn(self.wan.test_mac, row)

    def test_a_ttl_used_up_is_answered_with_time_exceeded_from_the_gateway(self):
        for target, gateway in ((FAR_GATEWAY, LAN_GATEWAY), (FAR_GATEWAY6, LAN_GATEWAY6)):
            lab.wait_until(lambda: self.time_exceeded(target, gateway), f"{gateway} says that the TTL is used up")
        self.assertEqual(self.wan.packets(), [])

    def time_exceeded(self, target, gateway):
        """ICMP errors are limited in rate, so a single try may get none."""
        result = self.ping(target, "-t", "1")
        return result.returncode == 1 and any(
            gateway in line and ("Time to live exceeded" in line or "Hop limit" in line)
            for line in result.stdout.splitlines())

    def test_forwarding_uses_up_one_hop_and_mends_the_checksum(self):
        request = echo_request(FAR_GATEWAY, LAN_HOST, 5, b"ttl")
        self.wan.send(request)
        reply = self.wan.receive(1)[0]
        self.assertEqual(reply[8], 63)  # Linux starts with 64
        peer.check_ip_header(reply)

    def test_frames_for_other_hosts_are_not_forwarded(self):
        before = self.gateway.drops("not_for_us")
        frame = bytearray(self.wan.frame(echo_request(FAR_GATEWAY, LAN_HOST, 6, b"not yours")))
        frame[5] ^= 0xff
        self.wan.send_frame(bytes(frame))
        lab.wait_until(lambda: self.gateway.drops("not_for_us") == before + 1, "the frame is counted")
        self.assertEqual(self.wan.packets(), [])
