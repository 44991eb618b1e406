# Groups are edited while packets flow: the invariants 1 to 4 of docs/architecture.md, and HAZARDS 17 and 18, as the wire
# shows them. An edit is allowed to change which list a packet gets; nothing may be lost, sent with less, or sent twice.
import collections
import struct

import lab
import peer
from gateway import FAR_HOST, LAN_HOST, GatewayTest, default_group, eroute_line, plain
from traffic import Sink, Stream

SELECTOR = f"{LAN_HOST}/32 {FAR_HOST}/32"
FIRST_MARK = 0xf0000000  # numbers from here on are of packets that are sent after all others


def numbered(number):
    return plain(LAN_HOST, FAR_HOST, b"the same for all" + struct.pack("!I", number))


def inner_number(packet):
    return struct.unpack("!I", packet[-4:])[0]


def words(group):
    return " ".join(sa.words for sa in group)


class EditUnderLoad(GatewayTest):
    """An eroute to tun+esp, and an ah SA that can join the group."""

    def setUp(self):
        super().setUp()
        self.long = default_group()  # tun esp ah
        self.short = self.long[:2]  # tun esp
        self.gateway.batch([sa.command() for sa in self.long]
                           + ["spigrp " + words(self.short), eroute_line(SELECTOR, self.long[0])])
        self.seen = set()  # (protocol, SPI, sequence) of every packet so far
        self.before = self.gateway.totals()

    def load(self, edit, goes_on, rate=2000):
        """Calls edit(0), edit(1) … while goes_on(number of edits) and packets flow; returns what left on the WAN."""
        edits = 0
        with Sink(self.wan) as sink:
            with Stream(self.lan, numbered, rate) as stream:
                lab.wait_until(lambda: stream.sent, "packets flow")
                while goes_on(edits):
                    edit(edits)
                    edits += 1
            self.gateway.do("spigrp --replace " + words(self.short))
            self.wait_until_all_are_through(sink)
            self.gateway.check_accounting()
        return sink.collected, stream.sent

    def wait_until_all_are_through(self, sink):
        """Sends one more packet and waits for it: it comes out last. (One that the port's ring had no room for is
        followed by another.)"""
        for number in range(FIRST_MARK, FIRST_MARK + 10):
            self.lan.send(numbered(number))
            try:
                lab.wait_until(lambda: any(inner_number(self.short[1].decap(packet)) == number
                                           for packet in sink.collected[-20:] if self.is_short(packet)), "", 3)
                return
            except AssertionError:
                continue
        self.fail("nothing comes out any more")

    def is_short(self, packet):
        return packet[9] == 50 and peer.sequence_number(packet)[1] == self.short[1].spi

    def check_lists(self, packets):
        """Every packet is scapy's tun+esp or scapy's tun+esp+ah, and no (SPI, sequence) occurs twice."""
        kinds = collections.Counter()
        for packet in packets:
            kind = {50: "short", 51: "long"}.get(packet[9])
            self.assertIsNotNone(kind, f"neither ESP nor AH is outermost: {packet.hex()}")
            self.note_sequence(packet)
            if kind == "long":
                packet = self.long[2].decap(packet)
                self.note_sequence(packet)
            inner = peer.decap(self.short, packet)
            self.assertEqual(inner, peer.forwarded(numbered(inner_number(inner))))
            kinds[kind] += 1
        return kinds

    def note_sequence(self, packet):
        number = peer.sequence_number(packet)
        self.assertNotIn(number, self.seen)
        self.seen.add(number)

    def flip(self, number):
        self.gateway.do("spigrp --replace " + words(self.short if number % 2 else self.long))

    def sent_and_dropped(self):
        now = self.gateway.totals()
        dropped = {reason: count - self.before["dropped"].get(reason, 0) for reason, count in now["dropped"].items()
                   if count != self.before["dropped"].get(reason, 0)}
        return now["sent"] - self.before["sent"], dropped


class GroupEditTest(EditUnderLoad):
    def test_replace_under_load_gives_every_packet_all_of_the_old_list_or_all_of_the_new(self):
        """Invariants 1, 2, 3, 4; HAZARDS 18."""
        captured, offered = self.load(self.flip, lambda edits: edits < 300)
        kinds = self.check_lists(captured)
        self.assertGreater(kinds["short"], 0)
        self.assertGreater(kinds["long"], 0)
        # Nothing is lost on the way of an edit: what came in went out, and the wire shows as much.
        self.assertEqual(self.sent_and_dropped(), (len(captured), {}))
        self.assertGreater(len(captured), offered // 2, "most of what was offered was taken in")

    def test_one_key_never_encrypts_two_packets_with_one_sequence_number_across_regroups(self):
        """Invariant 1: ungrouped and grouped again, the SAs' numbers go on where they were."""
        def edit(number):
            if number % 2 == 0:
                self.gateway.do("spigrp " + self.long[0].words)
            else:
                self.gateway.do("spigrp " + words(self.long if number % 4 == 1 else self.short))

        captured, _ = self.load(edit, lambda edits: edits < 80)
        kinds = self.check_lists(captured)
        self.assertEqual(set(kinds), {"short", "long"})
        sent, dropped = self.sent_and_dropped()
        self.assertEqual(sent, len(captured))
        self.assertEqual(set(dropped), {"group_dissolved"})

    def test_no_packet_leaves_with_fewer_transforms_when_its_group_is_dissolved(self):
        """Invariant 2: after the ungroup is answered nothing leaves, and before it everything is protected."""
        with Sink(self.wan) as sink:
            with Stream(self.lan, numbered) as stream:
                lab.wait_until(lambda: len(sink.collected) > 200, "packets come out")
                self.gateway.do("spigrp " + self.long[1].words)
                dissolved_at = stream.sent
                lab.wait_until(lambda: self.gateway.drops("group_dissolved")
                               - self.before["dropped"].get("group_dissolved", 0) > 500, "packets are dropped")
            self.gateway.check_accounting()
        self.check_lists(sink.collected)
        self.assertLessEqual(max(inner_number(peer.decap(self.short, packet)) for packet in sink.collected),
                             dissolved_at + 64)
        sent, dropped = self.sent_and_dropped()
        self.assertEqual(sent, len(sink.collected))
        self.assertEqual(set(dropped), {"group_dissolved"})

    def test_a_batch_takes_effect_as_a_whole_for_every_packet(self):
        """Invariant 3: the group's first SA changes and the eroute follows it, in one transaction; nothing is dropped
        in between."""
        other = [peer.Tunnel(0x213, self.long[0].source, self.long[0].destination),
                 peer.Esp(0x215, self.long[1].source, self.long[1].destination, "aes128gcm16")]
        self.gateway.batch([sa.command() for sa in other])

        def edit(number):
            old, new = (self.short, other) if number % 2 == 0 else (other, self.short)
            self.gateway.batch(["spigrp " + words(new), eroute_line(SELECTOR, new[0], "--replace"),
                                "spigrp " + old[0].words])

        captured, _ = self.load(edit, lambda edits: edits < 200)
        groups = {0x115: self.short, 0x215: other}
        kinds = collections.Counter()
        for packet in captured:
            self.note_sequence(packet)
            spi = peer.sequence_number(packet)[1]
            inner = peer.decap(groups[spi], packet)
            self.assertEqual(inner, peer.forwarded(numbered(inner_number(inner))))
            kinds[spi] += 1
        self.assertEqual(set(kinds), set(groups))
        self.assertEqual(self.sent_and_dropped(), (len(captured), {}))

    def test_a_refused_batch_changes_nothing_for_any_packet(self):
        """Invariant 3, HAZARDS 17 and 19: the last line of the batch is wrong, so the first has no effect."""
        def edit(number):
            result = self.gateway.run("batch -", stdin="\n".join(
                ["spigrp --replace " + words(self.long), "spigrp inet 192.0.2.77 0x999 tun"]) + "\n")
            self.assertEqual(result.returncode, 1, result.stderr)
            self.assertIn("tun.999@192.0.2.77", result.stderr)

        captured, _ = self.load(edit, lambda edits: edits < 100)
        self.assertEqual(set(self.check_lists(captured)), {"short"})

    def test_the_inbound_side_takes_the_new_list_and_refuses_the_old_one(self):
        inbound = default_group(inbound=True)
        self.gateway.batch([sa.command() for sa in inbound] + ["spigrp " + words(inbound[:2])])
        packet = plain(FAR_HOST, LAN_HOST, b"from afar")
        self.wan.send(peer.encap(inbound[:2], packet))
        self.assertEqual(self.lan.receive(1), [peer.forwarded(packet)])
        self.gateway.do("spigrp --replace " + words(inbound))
        self.assert_dropped("group_mismatch", 1, lambda: self.wan.send(peer.encap(inbound[:2], packet)))
        self.wan.send(peer.encap(inbound, packet))
        self.assertEqual(self.lan.receive(1), [peer.forwarded(packet)])


class SeveralWorkersTest(EditUnderLoad):
    """Two workers receive the same flows' packets from two ports' queues and send on the same SAs."""
    options = {"workers": {"count": 2}}

    def test_two_workers_share_an_sa_and_an_edit(self):
        captured, _ = self.load(self.flip, lambda edits: edits < 100)
        kinds = self.check_lists(captured)
        self.assertEqual(set(kinds), {"short", "long"})
        self.assertEqual(self.sent_and_dropped(), (len(captured), {}))
