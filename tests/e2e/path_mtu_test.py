# A router on the way between the gateways, which scapy is, says that outer packets are too big. It quotes what it got;
# forged messages quote what nobody sent.
import struct

import lab
import peer
from gateway import FAR_HOST, FAR_HOST6, GATEWAY, GATEWAY6, LAN_HOST, LAN_HOST6, GatewayTest, plain
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6

ROUTER, ROUTER6 = "198.51.100.9", "2001:db8:9::9"


def too_big(packet, mtu, quoted=548):
    """The message of a router whose next link has this MTU."""
    if packet[0] >> 4 == 4:
        return bytes(IP(src=ROUTER, dst=GATEWAY) / ICMP(type=3, code=4, nexthopmtu=mtu) / packet[:quoted])
    return bytes(IPv6(src=ROUTER6, dst=GATEWAY6) / ICMPv6PacketTooBig(mtu=mtu) / packet[:quoted])


def inner(size, flags=0):
    return bytes(IP(src=LAN_HOST, dst=FAR_HOST, proto=253, flags=flags) / bytes(size - 20))


class PathMtuTest(GatewayTest):
    driver = "pcap"
    number = 16  # of the test, in its far gateway's addresses

    def setUp(self):
        super().setUp()
        # A path MTU outlives the SAs by which it became known, so each test has a far gateway of its own.
        type(self).number += 1
        self.far, self.far6 = f"192.0.2.{self.number}", f"2001:db8::{self.number:x}"
        self.gateway.batch(f"neigh --add --dst {far} --mac {self.wan.test_mac} --dev wan"
                           for far in (self.far, self.far6))
        self.group, self.group6 = self.to_far(4), self.to_far(6)
        self.add_group(self.group, f"{LAN_HOST}/32 {FAR_HOST}/32")
        self.add_group(self.group6, f"{LAN_HOST6}/128 {FAR_HOST6}/128")

    def to_far(self, family):
        near, far = (GATEWAY, self.far) if family == 4 else (GATEWAY6, self.far6)
        return [peer.Tunnel(0x113, near, far), peer.Esp(0x115, near, far, "aes128-sha1-96"), peer.Ah(0x116, near, far)]

    def sent(self, packet):
        self.lan.send(packet)
        return self.wan.receive(1)[0]

    def known(self):
        return {row["destination"]: row["mtu_bytes"] for row in self.gateway.list("route --path-mtu")}

    def report(self, message):
        before = self.gateway.totals()["mtu_reports"]
        self.wan.send(message)
        lab.wait_until(lambda: self.gateway.totals()["mtu_reports"] == before + 1, "the report is believed")

    def refused(self, reason, *messages):
        known = self.known()
        self.assert_dropped(reason, len(messages), lambda: self.wan.send(*messages))
        self.assertEqual(self.known(), known)

    def test_a_sender_is_told_what_fits_through_the_path_to_the_byte(self):
        self.report(too_big(self.sent(inner(1350)), 1300))
        self.assertEqual(self.known()[self.far], 1300)
        self.assertRegex(self.gateway.do("route --path-mtu"), f"{self.far} mtu 1300 expires in (600|59.) s\n")
        self.lan.send(inner(1350, "DF"))
        fitting = struct.unpack("!H", self.lan.receive(1)[0][26:28])[0]
        wire = self.sent(inner(fitting, "DF"))
        self.assertLessEqual(len(wire), 1300)
        self.assertEqual(peer.decap(self.group, wire), peer.forwarded(inner(fitting, "DF")))
        self.lan.send(inner(fitting + 1, "DF"))
        self.assertEqual(struct.unpack("!H", self.lan.receive(1)[0][26:28])[0], fitting)

    def test_a_sender_of_ipv6_is_told_too(self):
        self.report(too_big(self.sent(plain(LAN_HOST6, FAR_HOST6, bytes(1300))), 1400))
        self.assertEqual(self.known()[self.far6], 1400)
        self.lan.send(plain(LAN_HOST6, FAR_HOST6, bytes(1320)))
        fitting = struct.unpack("!I", self.lan.receive(1)[0][44:48])[0]
        self.assertLessEqual(len(self.sent(plain(LAN_HOST6, FAR_HOST6, bytes(fitting - 40)))), 1400)

    def test_what_has_no_df_leaves_in_fragments_that_fit_the_path(self):
        self.report(too_big(self.sent(inner(1350)), 1000))
        self.lan.send(inner(1300))
        for packet in self.wan.receive(2):
            self.assertLessEqual(len(packet), 1000)
            peer.check_ip_header(packet)

    def test_forged_reports_are_refused_and_counted(self):
        wire, wire6 = self.sent(inner(1350)), self.sent(plain(LAN_HOST6, FAR_HOST6, bytes(1300)))
        spi = wire[:24] + b"\xde\xad\xbe\xef" + wire[28:]  # AH: the SPI is its second word
        number = wire[:28] + struct.pack("!I", 2) + wire[32:]
        elsewhere = wire[:16] + bytes([192, 0, 2, 77]) + wire[20:]
        self.refused("icmp_unproven", *(too_big(quote, 1300) for quote in (spi, number, elsewhere)))
        self.refused("icmp_unproven", *(too_big(wire, 1300, cut) for cut in (0, 1, 19, 20, 28, 31)))
        self.refused("icmp_unproven", *(too_big(wire6, 1300, cut) for cut in (8, 39, 40, 51)))
        self.refused("icmp_bad_mtu", too_big(wire, 1500), too_big(wire, 9000), too_big(wire6, 1279), too_big(wire6, 68),
                     too_big(wire6, 0))
        self.refused("malformed", too_big(wire, 1300)[:-1] + b"\xff")

    def test_an_mtu_that_is_too_small_is_raised_and_none_is_the_next_plateau(self):
        wire = self.sent(inner(1350))
        self.report(too_big(wire, 0))
        self.assertEqual(self.known()[self.far], 1006)
        self.report(too_big(wire, 68))
        self.assertEqual(self.known()[self.far], 576)

    def test_a_flood_of_forged_reports_does_not_keep_a_true_one_out(self):
        wire = self.sent(inner(1350))
        forged = too_big(wire[:31] + bytes([wire[31] ^ 0x40]) + wire[32:], 600)
        for _ in range(50):
            before = self.gateway.drops("icmp_unproven")
            self.wan.send(*[forged] * 10)
            lab.wait_until(lambda: self.gateway.drops("icmp_unproven") >= before + 10, "the flood arrives")
        self.report(too_big(wire, 1300))
        self.assertEqual(self.known()[self.far], 1300)

    def test_tncfg_shows_the_effective_mtu(self):
        """The largest inner packet that both groups make fit: the IPv6 one adds 20 bytes more."""
        line = self.gateway.do("tncfg")
        effective = int(line.split("(")[1].split(")")[0])
        self.assertEqual(line, f"ipsec0 -> wan mtu=16260({effective}) -> 1500\n")
        self.assertLessEqual(len(self.sent(plain(LAN_HOST6, FAR_HOST6, bytes(effective - 40)))), 1500)
        self.lan.send(plain(LAN_HOST6, FAR_HOST6, bytes(effective - 39)))
        self.assertEqual(struct.unpack("!I", self.lan.receive(1)[0][44:48])[0], effective)
