# explain says what happens: asked first through the real command, then scapy's packet is sent, and what leaves, what is
# counted and what the sender hears is what was said. The ports are pcap ports: fragments come as they are.
import json
import struct

import peer
from gateway import FAR_HOST, FAR_HOST6, LAN_HOST, LAN_HOST6, GatewayTest, default_group, plain

SELECTORS = (f"{LAN_HOST}/32 {FAR_HOST}/32", f"{LAN_HOST6}/128 {FAR_HOST6}/128")


class ExplainTest(GatewayTest):
    driver = "pcap"

    def explain(self, words):
        """The text and the JSON; asking twice moves no counter."""
        before = self.counters(), self.gateway.list("spi")
        text = self.gateway.do("explain " + words)
        said = json.loads(self.gateway.do("explain --json " + words))
        after = self.counters(), self.gateway.list("spi")
        self.assertEqual(before[0], after[0])
        self.assertEqual([(row["sequence"], row["packets"]) for row in before[1]],
                         [(row["sequence"], row["packets"]) for row in after[1]])
        self.assertIn(f"\n{said['fate']}", "\n" + text)
        return text, said

    def counters(self):
        return {name: count for name, count in self.gateway.totals().items() if "cycles" not in name}

    def asked_about(self, source, destination, size, words=""):
        header = 40 if ":" in source else 20
        packet = plain(source, destination, bytes(size - header))
        return packet, self.explain(f"--src {source} --dst {destination} --proto 253 --len {size} {words}")

    def test_a_protected_packet_leaves_as_it_was_said(self):
        for family in (4, 6):
            self.gateway.batch(["eroute --clear", "spi --clear"])
            group = default_group("aes128gcm16", ("tun", "esp"), family=family)
            self.add_group(group, *SELECTORS)
            for source, destination in ((LAN_HOST, FAR_HOST), (LAN_HOST6, FAR_HOST6)):
                packet, (text, said) = self.asked_about(source, destination, 700)
                self.lan.send(packet)
                wire, = self.wan.receive(1)
                self.assertEqual(peer.decap(group, wire), peer.forwarded(packet))
                self.assertEqual(said["fate"], "sent")
                self.assertEqual(said["group"], [sa.said for sa in group])
                self.assertEqual([packet["sent_bytes"] for packet in said["packets"]], [[len(wire)]])
                self.assertEqual(said["next_hop"]["mac"], self.wan.test_mac)
                steps = said["packets"][0]["steps"]
                self.assertEqual([step["bytes_before"] for step in steps], [700, 700 + (20 if family == 4 else 40)])
                self.assertIn(f"{steps[1]['bytes_before']} -> {len(wire)} bytes", text)

    def test_fragments_are_foretold_before_and_after_the_group(self):
        for words in ("", "--fragment before"):
            self.gateway.batch(["eroute --clear", "spi --clear"])
            group = default_group("aes128-sha1-96", ("tun", "esp"))
            lines = [group[0].command() + " " + words, group[1].command(), "spigrp " + " ".join(sa.words for sa in group),
                     f"eroute --add --eraf inet --src {LAN_HOST}/32 --dst {FAR_HOST}/32 {group[0].sa_words}"]
            self.gateway.batch(lines)
            packet, (text, said) = self.asked_about(LAN_HOST, FAR_HOST, 1490)
            self.assertEqual(len(said["packets"]), 2 if words else 1, text)
            self.lan.send(packet)
            sizes = [size for packet in said["packets"] for size in packet["sent_bytes"]]
            self.assertEqual([len(wire) for wire in self.wan.receive(2)], sizes)

    def test_too_big_names_the_number_that_the_sender_is_told(self):
        self.add_group(default_group("aes128gcm16", ("tun", "esp")), *SELECTORS)
        packet, (text, said) = self.asked_about(LAN_HOST, FAR_HOST, 1490, "--df")
        df = bytearray(packet)
        df[6] |= 0x40
        df[10:12] = bytes(2)
        df[10:12] = struct.pack("!H", peer.checksum(bytes(df[:20])))
        dropped = self.gateway.drops("too_big")
        self.lan.send(bytes(df))
        answer, = self.lan.receive(1)
        self.assertEqual((answer[20], answer[21], struct.unpack("!H", answer[26:28])[0]),
                         (said["icmp"]["type"], said["icmp"]["code"], said["icmp"]["mtu_bytes"]))
        self.assertEqual(said["icmp"]["mtu_bytes"], said["group_fits_bytes"])
        self.assertEqual(said["reason"], "too_big")
        self.assertEqual(self.gateway.drops("too_big"), dropped + 1)
        self.assertEqual(said["answer"]["packets"][0]["sent_bytes"], [len(answer)])
        self.assertIn(f"its sender is told: ICMP type 3 code 4, fragmentation needed, MTU {said['group_fits_bytes']}", text)

    def test_the_drop_reason_is_the_one_that_counts(self):
        group = default_group("aes128gcm16", ("tun", "esp"))
        cases = (
            ([f"eroute --add --eraf inet --src {LAN_HOST}/32 --dst {FAR_HOST}/32 --said %drop"], "eroute_drop", FAR_HOST),
            ([], "no_eroute", FAR_HOST),
            ([], "no_route", "203.0.113.9"),
            ([sa.command() for sa in group] +
             [f"eroute --add --eraf inet --src {FAR_HOST}/32 --dst {LAN_HOST}/32 {group[0].sa_words}",
              f"eroute --add --eraf inet --src {LAN_HOST}/32 --dst {FAR_HOST}/32 --said %pass"], "unprotected", FAR_HOST),
        )
        for lines, reason, destination in cases:
            self.gateway.batch(["eroute --clear", "spi --clear"] + lines)
            packet, (text, said) = self.asked_about(LAN_HOST, destination, 100)
            self.assertEqual((said["fate"], said["reason"]), ("dropped", reason), text)
            self.assertIn(f"dropped: {reason} (", text)
            self.assert_dropped(reason, 1, lambda: self.lan.send(packet))

    def test_what_passes_in_the_clear(self):
        self.gateway.batch([f"eroute --add --eraf inet --src {LAN_HOST}/32 --dst {FAR_HOST}/32 --said %pass"])
        packet, (text, said) = self.asked_about(LAN_HOST, FAR_HOST, 1500)
        self.lan.send(packet)
        self.assertEqual(self.wan.receive(1), [peer.forwarded(packet)])
        self.assertEqual((said["fate"], said["packets"][0]["sent_bytes"], said["group"]), ("sent", [1500], []), text)

    def test_a_packet_out_of_a_group_is_held_to_the_reverse_eroute(self):
        inbound, outbound = default_group(inbound=True, first_spi=0x213), default_group()
        self.add_group(outbound, SELECTORS[0])
        self.add_group(inbound)
        words = f"--src {FAR_HOST} --dst {LAN_HOST} --proto 253 --len 100"
        self.assertEqual(self.explain(words)[1]["reason"], "unprotected")
        text, said = self.explain(f"{words} --out-of {inbound[0].said}")
        self.assertEqual((said["fate"], said["packets"][0]["sent_bytes"]), ("sent", [100]), text)
        packet = plain(FAR_HOST, LAN_HOST, bytes(80))
        self.wan.send(peer.encap(inbound, packet))
        self.assertEqual(self.lan.receive(1), [peer.forwarded(packet)])

    def test_what_cannot_be_explained_is_refused_with_what_would_work(self):
        for words, status, texts in ((f"--src {LAN_HOST}", 2, ["--dst", "is missing"]),
                                     (f"--src {LAN_HOST} --dst {FAR_HOST6}", 2, []),
                                     (f"--src {LAN_HOST} --dst {FAR_HOST} --sport 5", 2, ["ports"]),
                                     (f"--src {LAN_HOST} --dst {FAR_HOST} --port nosuch", 1, ["no such port", "lan, wan"]),
                                     (f"--src {LAN_HOST} --dst {FAR_HOST} --out-of esp.999@192.0.2.1", 1, ["no such SA"])):
            result = self.gateway.run("explain " + words)
            self.assertEqual((result.returncode, result.stdout), (status, ""), result.stderr)
            for text in texts:
                self.assertIn(text, result.stderr)
