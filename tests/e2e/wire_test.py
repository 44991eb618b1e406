# tshark looks at what leaves: the order of headers, and with the keys in its hands the decrypted packet, its ICVs and
# its padding.
import peer
import wireshark
from gateway import (FAR_GATEWAY, FAR_HOST, FAR_HOST6, GATEWAY, LAN_HOST, LAN_HOST6, GatewayTest, default_group,
                     eroute_line, plain, udp)
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6


class WireTest(GatewayTest):
    def captured(self, group, near, far, payload=b"what the hosts say"):
        bits = 128 if ":" in near else 32
        self.add_group(group, f"{near}/{bits} {far}/{bits}")
        self.lan.send(*[udp(near, far, payload)] * 3)
        return self.wan.receive(3)

    def check_layers(self, shape, family, expected):
        near, far = (LAN_HOST, FAR_HOST) if family == 4 else (LAN_HOST6, FAR_HOST6)
        group = default_group(shape=shape, family=family)
        for sa in group:  # outside a tunnel there is nothing but the hosts' own header
            if shape[0] != "tun":
                sa.source, sa.destination = near, far
        packets = self.captured(group, near, far)
        self.assertEqual(wireshark.fields(packets, ["frame.protocols"], group), [[expected]] * 3)

    def test_ah_stands_outside_esp_outside_ip(self):
        self.check_layers(("tun", "esp", "ah"), 4, "eth:ethertype:ip:ah:esp:ip:udp:data")

    def test_ah_stands_outside_esp_outside_ipv6(self):
        self.check_layers(("tun", "esp", "ah"), 6, "eth:ethertype:ipv6:ah:esp:ipv6:udp:data")

    def test_esp_stands_outside_ah_when_the_group_says_so(self):
        self.check_layers(("tun", "ah", "esp"), 4, "eth:ethertype:ip:esp:ah:ip:udp:data")

    def test_transport_esp_keeps_the_hosts_header(self):
        self.check_layers(("esp",), 4, "eth:ethertype:ip:esp:udp:data")

    def test_transport_ah_over_esp_in_ipv6(self):
        self.check_layers(("esp", "ah"), 6, "eth:ethertype:ipv6:ah:esp:udp:data")

    def outer_fields(self, family, choices, packet, names):
        """The fields of these names of the outer header, one way out of which the packet went."""
        tunnel = default_group(shape=("tun",), family=family)[0]
        near, far = (f"{LAN_HOST}/32", f"{FAR_HOST}/32") if packet[0] >> 4 == 4 else (f"{LAN_HOST6}/128",
                                                                                      f"{FAR_HOST6}/128")
        self.gateway.batch(["eroute --clear", "spi --clear", f"{tunnel.command()} {choices}",
                            eroute_line(f"{near} {far}", tunnel)])
        self.lan.send(packet)
        sent = self.wan.receive(1)
        self.assertEqual(tunnel.decap(sent[0]), peer.forwarded(packet))
        return [int(value.split(",")[0], 0) for value in wireshark.fields(sent, names)[0]]

    def test_the_outer_header_has_what_was_chosen(self):
        """RFC 4301 section 5.1.2: DSCP, ECN, DF and TTL, copied or always the same; the inner TTL is 33 − 1 here."""
        inner4 = bytes(IP(src=LAN_HOST, dst=FAR_HOST, proto=253, tos=0xb9, ttl=33, flags="DF") / b"payload")
        inner6 = bytes(IPv6(src=LAN_HOST6, dst=FAR_HOST6, nh=253, tc=0xb9, fl=0x12345, hlim=33) / b"payload")
        names4 = ["ip.dsfield.dscp", "ip.dsfield.ecn", "ip.ttl", "ip.flags"]
        names6 = ["ipv6.tclass.dscp", "ipv6.tclass.ecn", "ipv6.hlim", "ipv6.flow"]
        for choices, dscp, ecn, ttl, df in (
                ("", 46, 1, 64, True), ("--dscp copy --ecn copy --ttl copy --df copy", 46, 1, 32, True),
                ("--dscp 10", 10, 1, 64, True), ("--ecn off", 46, 0, 64, True), ("--df clear", 46, 1, 64, False),
                ("--dscp 0 --ecn off --ttl 255 --df set", 0, 0, 255, True)):
            for inner in (inner4, inner6):
                with self.subTest(choices=choices, inner=inner[0] >> 4):
                    *fields, flags = self.outer_fields(4, choices, inner, names4)
                    self.assertEqual(fields, [dscp, ecn, ttl])
                    self.assertIn(flags, (0x2, 0x40) if df else (0,))
                    self.assertEqual(self.outer_fields(6, choices, inner, names6), [dscp, ecn, ttl, 0])

    def test_congestion_on_the_outer_header_reaches_the_inner_one(self):
        """RFC 6040 figure 4, whatever the tunnel SA sends with."""
        for choices in ("", " --ecn off"):
            tunnel = default_group(shape=("tun",), inbound=True)[0]
            self.gateway.batch(["spi --clear", tunnel.command() + choices])
            for inner_ecn, outer_ecn, joined in ((0, 2, 0), (1, 3, 3), (2, 1, 1), (2, 3, 3), (3, 0, 3)):
                inner = IP(plain(FAR_HOST, LAN_HOST, b"payload"))
                inner.tos = 0xb8 | inner_ecn
                del inner.chksum
                self.wan.send(bytes(IP(src=FAR_GATEWAY, dst=GATEWAY, proto=4, tos=outer_ecn) / inner))
                self.assertEqual(self.lan.receive(1)[0][1], 0xb8 | joined)
            marked = bytes(IP(src=FAR_GATEWAY, dst=GATEWAY, proto=4, tos=3) / IP(plain(FAR_HOST, LAN_HOST, b"x")))
            self.assert_dropped("congested", 1, lambda: self.wan.send(marked))

    def check_decrypted(self, algorithm):
        names = ["ip.src", "ip.dst", "udp.dstport", "udp.checksum.status", "data.data", "esp.icv_good", "esp.icv_bad",
                 "esp.pad", "esp.pad_len", "esp.protocol", "ip.checksum.status"]
        group = default_group(algorithm, ("tun", "esp"))
        packets = self.captured(group, LAN_HOST, FAR_HOST)
        for row in wireshark.fields(packets, names, group):
            seen = dict(zip(names, row))
            self.assertEqual(seen["ip.src"], f"{group[0].source},{LAN_HOST}")
            self.assertEqual(seen["ip.dst"], f"{group[0].destination},{FAR_HOST}")
            self.assertEqual(seen["udp.dstport"], "50000")
            self.assertEqual(seen["udp.checksum.status"], "1")
            self.assertEqual(seen["ip.checksum.status"], "1,1")
            self.assertEqual(bytes.fromhex(seen["data.data"]), b"what the hosts say")
            self.assertEqual(seen["esp.protocol"], "0x04")
            pad = int(seen["esp.pad_len"])
            self.assertEqual(seen["esp.pad"], bytes(range(1, pad + 1)).hex())
            self.assertEqual((seen["esp.icv_good"], seen["esp.icv_bad"]), ("1", "0"))

    def test_tshark_decrypts_aes_cbc_with_sha1(self):
        self.check_decrypted("aes128-sha1-96")

    def test_tshark_decrypts_aes256_cbc_with_sha512(self):
        self.check_decrypted("aes256-sha2_512-256")

    def test_tshark_decrypts_3des_with_md5(self):
        self.check_decrypted("3des-md5-96")

    def test_tshark_decrypts_gcm(self):
        self.check_decrypted("aes128gcm16")

    def test_cbc_initialisation_vectors_are_unlike_each_other_and_the_ciphertext(self):
        """HAZARDS 9: no IV repeats or is the end of the packet before."""
        group = default_group("aes128-sha1-96", ("tun", "esp"), first_spi=0x713)  # with keys that nothing else has used
        self.add_group(group, f"{LAN_HOST}/32 {FAR_HOST}/32")
        self.lan.send(*[udp(LAN_HOST, FAR_HOST, b"always the same bytes")] * 200)
        packets = self.wan.receive(200)
        vectors = [packet[28:44] for packet in packets]
        self.assertEqual(len(set(vectors)), 200)
        blocks = {packet[at:at + 16] for packet in packets for at in range(44, len(packet) - 12, 16)}
        self.assertEqual(blocks & set(vectors), set())
        # Counters differ in a few bits from one to the next; random ones in half of them.
        changed = [bin(int.from_bytes(one, "big") ^ int.from_bytes(two, "big")).count("1")
                   for one, two in zip(vectors, vectors[1:])]
        self.assertGreater(sum(changed) / len(changed), 48)
        self.assertEqual({peer.sequence_number(packet)[2] for packet in packets}, set(range(1, 201)))
