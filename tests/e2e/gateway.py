# One spigrpd as a gateway between a LAN and a WAN, both played by the test, and the names of what is where. Test
# classes share the daemon and clear its SAs and eroutes between tests; after every test its packets must add up.
import struct
import unittest

import lab
import peer
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6

LAN_HOST, LAN_HOST6 = "10.1.0.2", "fd00:1::2"
LAN_GATEWAY, LAN_GATEWAY6 = "10.1.0.1", "fd00:1::1"
FAR_HOST, FAR_HOST6 = "10.2.0.2", "fd00:2::2"
GATEWAY, GATEWAY6 = "192.0.2.1", "2001:db8::1"
FAR_GATEWAY, FAR_GATEWAY6 = "192.0.2.2", "2001:db8::2"

BASE = [
    "tncfg --create ipsec0",
    "tncfg --attach --virtual ipsec0 --physical wan",
    f"route --add --dst 10.2.0.0/16 --via {FAR_GATEWAY} --dev ipsec0",
    f"route --add --dst fd00:2::/32 --via {FAR_GATEWAY6} --dev ipsec0",
]


class GatewayTest(unittest.TestCase):
    options = None
    mtu = 1500
    driver = "af_packet"

    @classmethod
    def setUpClass(cls):
        cls.lan, cls.wan = (lab.Wire(name, number, cls.mtu, driver=cls.driver)
                            for number, name in ((1, "lan"), (2, "wan")))
        cls.gateway = lab.Daemon([
            {"name": "lan", "device": cls.lan.device, "mtu_bytes": cls.mtu,
             "addresses": [f"{LAN_GATEWAY}/24", f"{LAN_GATEWAY6}/64"]},
            {"name": "wan", "device": cls.wan.device, "mtu_bytes": cls.mtu,
             "addresses": [f"{GATEWAY}/24", f"{GATEWAY6}/64"]},
        ], cls.options)
        cls.gateway.start()
        macs = {port["name"]: port["mac"] for port in cls.gateway.list("stats")["ports"]}
        for wire in (cls.lan, cls.wan):
            wire.daemon_mac = macs[wire.name]
        neighbours = [(LAN_HOST, cls.lan), (LAN_HOST6, cls.lan), (FAR_GATEWAY, cls.wan), (FAR_GATEWAY6, cls.wan)]
        cls.gateway.batch(BASE + [f"neigh --add --dst {address} --mac {wire.test_mac} --dev {wire.name}"
                                  for address, wire in neighbours])

    @classmethod
    def tearDownClass(cls):
        try:
            cls.gateway.check_accounting()
        finally:
            cls.gateway.stop()
            cls.lan.close()
            cls.wan.close()

    def setUp(self):
        self.gateway.batch(["eroute --clear", "spi --clear"])
        self.lan.frames()
        self.wan.frames()

    def tearDown(self):
        self.gateway.check_accounting()

    def add_group(self, group, *eroutes):
        """Makes the SAs and their group, and leads selectors ("10.1.0.0/24 10.2.0.0/24") to it, as one transaction."""
        self.gateway.batch(group_lines(group, *eroutes))

    def assert_dropped(self, reason, count, action):
        """Exactly `count` packets are dropped as `reason` by what `action` does, and nothing comes out anywhere."""
        before = self.gateway.totals()["dropped"]
        action()
        lab.wait_until(lambda: self.gateway.drops(reason) - before.get(reason, 0) >= count,
                       lambda: f"{count} dropped as {reason}: before {before}, now {self.gateway.totals()}")
        self.gateway.check_accounting()
        after = self.gateway.totals()["dropped"]
        grown = {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
        self.assertEqual(grown, {reason: count})
        self.assertEqual((self.lan.packets(), self.wan.packets()), ([], []))


def group_lines(group, *eroutes):
    lines = [sa.command() for sa in group]
    if len(group) > 1:
        lines.append("spigrp " + " ".join(sa.words for sa in group))
    return lines + [eroute_line(selector, group[0]) for selector in eroutes]


def eroute_line(selector, target, mode="--add"):
    source, destination = selector.split()
    words = f"--said {target}" if isinstance(target, str) else target.sa_words
    return f"eroute {mode} --eraf {'inet6' if ':' in source else 'inet'} --src {source} --dst {destination} {words}"


def udp(source, destination, payload=b"x", ttl=64, sport=40000, dport=50000):
    header = IPv6(src=source, dst=destination, hlim=ttl) if ":" in source else IP(src=source, dst=destination, ttl=ttl)
    return bytes(header / UDP(sport=sport, dport=dport) / payload)


def plain(source, destination, payload, ttl=64, protocol=253):
    """An IP packet whose payload is exactly these bytes (protocol 253 is for experiments, RFC 3692)."""
    header = (IPv6(src=source, dst=destination, hlim=ttl, nh=protocol) if ":" in source
              else IP(src=source, dst=destination, ttl=ttl, proto=protocol))
    return bytes(header / payload)


def echo_request(source, destination, identifier, data):
    if ":" in source:
        return bytes(IPv6(src=source, dst=destination) / ICMPv6EchoRequest(id=identifier, seq=1, data=data))
    return bytes(IP(src=source, dst=destination) / ICMP(type=8, id=identifier, seq=1) / data)


def echo_words(packet):
    """(source, destination, ICMP type, identifier and data) of an echo; raises where a checksum is wrong."""
    parsed = peer.parse(packet)
    if parsed.version == 4:
        body = packet[20:]
        if peer.checksum(body) != 0:
            raise peer.BadPacket("ICMP checksum is wrong")
    else:
        body = packet[40:]
        pseudo = packet[8:40] + struct.pack("!II", len(body), 58)
        if peer.checksum(pseudo + body) != 0:
            raise peer.BadPacket("ICMPv6 checksum is wrong")
    return parsed.src, parsed.dst, body[0], body[4:]


def echo_reply_words(request):
    source, destination, kind, rest = echo_words(request)
    return destination, source, {8: 0, 128: 129}[kind], rest


def default_group(algorithm="aes128-sha1-96", shape=("tun", "esp", "ah"), first_spi=0x113, inbound=False, family=4):
    """The group of spigrp's own example: 0x113 tun, 0x115 esp, 0x116 ah, to the far gateway or (inbound) from it."""
    near, far = (GATEWAY, FAR_GATEWAY) if family == 4 else (GATEWAY6, FAR_GATEWAY6)
    source, destination = (far, near) if inbound else (near, far)
    make = {"tun": lambda: peer.Tunnel(first_spi, source, destination),
            "esp": lambda: peer.Esp(first_spi + 2, source, destination, algorithm),
            "ah": lambda: peer.Ah(first_spi + 3, source, destination)}
    return [make[protocol]() for protocol in shape]
