# The soak's own eyes: each thing that it must find is shown to them, for a checker that sees nothing finds nothing wrong.
# And that a kill's edits are told apart: made, not made, half made.
import types
import unittest

import peer
from findings import Findings
from soak_gateway import Edit, SoakGateway, without_numbers
from soak_tunnels import BURST, FAR, LEAP, NEAR, SHAPES, Numbers, Tunnel, Variant
from soak_wire import IPV4, IPV6, Direction, Flow

ETHERNET = bytes(12)


class EyesTest(unittest.TestCase):
    def setUp(self):
        self.findings = Findings()
        self.direction = Direction("out", self.findings)
        self.here = 0
        self.direction.position = lambda: self.here
        numbers = Numbers()
        self.tunnels = [Tunnel(number, NEAR, FAR, outer, inner, self.direction)
                        for number, (outer, inner) in enumerate(((4, 4), (6, 6), (4, 6)))]
        for tunnel in self.tunnels:
            self.direction.flows.append(Flow(len(self.direction.flows), tunnel, 2))
            for shape in SHAPES:
                tunnel.add(Variant(tunnel, shape, numbers))
            self.put_in_force(tunnel, 0)
        self.direction.sent, self.direction.delivered = 10, bytearray(10)

    def put_in_force(self, tunnel, number):
        tunnel.expect(tunnel.variants[number])
        tunnel.in_force(tunnel.variants[number])

    def frame(self, group, sequence, flow=0):
        packet = peer.encap(group, self.direction.flows[flow].sent_on(7), sequence)
        return ETHERNET + (IPV4 if packet[0] >> 4 == 4 else IPV6) + packet

    def look(self, frame, position=0):
        self.direction.look(frame, position)

    def assert_found(self, *kinds):
        self.assertEqual(set(self.findings.counts), set(kinds), list(self.findings.lines()))

    def test_every_shape_that_is_in_force_is_as_it_should_be(self):
        for flow, tunnel in enumerate(self.tunnels):
            for number, variant in enumerate(tunnel.variants):
                self.put_in_force(tunnel, number)
                for sequence in (1, 2, 3):
                    self.look(self.frame(variant.group, sequence, flow))
        self.assert_found()

    def test_a_packet_in_the_clear_is_found(self):
        flow = self.direction.flows[0]
        self.look(flow.frame)
        self.assert_found("bare")
        self.look(self.frame(self.tunnels[0].now.group[:1], None))  # the tunnel alone
        self.assertGreaterEqual(self.findings.counts["bare"], 2)

    def test_another_variant_is_found(self):
        self.look(self.frame(self.tunnels[0].variants[1].group, 1))
        self.assert_found("wrong transforms")

    def test_ah_without_the_esp_behind_it_is_found(self):
        tunnel = self.tunnels[0]
        self.put_in_force(tunnel, 1)
        self.look(self.frame([tunnel.sa, tunnel.now.transforms[1]], 1))
        self.assertIn("wrong transforms", self.findings.counts)

    def test_a_variant_ends_with_the_bursts_that_were_begun(self):
        tunnel = self.tunnels[0]
        old, self.here = tunnel.now, 100
        self.put_in_force(tunnel, 1)
        self.look(self.frame(old.group, 1), 99 + BURST)
        self.assert_found()
        self.look(self.frame(old.group, 2), 100 + BURST)
        self.assert_found("wrong transforms")

    def test_a_variant_that_comes_again_may_have_been_there_before(self):
        tunnel = self.tunnels[0]
        for self.here, number in ((100, 1), (1000, 0)):
            self.put_in_force(tunnel, number)
        group = tunnel.now.group
        self.look(self.frame(group, 1), 50)
        self.look(self.frame(group, 2), 1000)
        self.assert_found()
        self.look(self.frame(group, 3), 500)
        self.assert_found("wrong transforms")

    def test_a_number_that_comes_twice_is_found_however_long_ago_it_was(self):
        group = self.tunnels[0].now.group
        self.direction.kills = 1
        for sequence in (1, 2, 3, 1000, 1001):
            self.look(self.frame(group, sequence))
        self.assert_found()
        for sequence in (1001, 2):
            self.look(self.frame(group, sequence))
        self.assert_found("number used twice")
        self.assertEqual(self.findings.counts["number used twice"], 2)

    def test_the_number_of_an_esp_behind_an_ah_is_looked_at_too(self):
        tunnel = self.tunnels[0]
        self.put_in_force(tunnel, 1)
        esp, ah = tunnel.now.transforms
        for sequence in (1, 2):
            packet = ah.encap(esp.encap(tunnel.sa.encap(self.direction.flows[0].sent_on(7)), 1), sequence)
            self.look(ETHERNET + IPV4 + packet)
        self.assert_found("number used twice")

    def test_numbers_are_left_out_by_kills_only(self):
        group = self.tunnels[0].now.group
        self.look(self.frame(group, 1))
        self.direction.kills = 1
        self.look(self.frame(group, 1 + LEAP))
        self.assert_found()
        self.look(self.frame(group, 10 + 2 * LEAP))
        self.assert_found("numbers left out")

    def arrives(self, number, change=lambda frame: frame):
        flow = self.direction.flows[0]
        self.direction.arrived(change(flow.head + number.to_bytes(8, "big") + flow.tail))

    def test_what_is_delivered_twice_or_is_another_is_found(self):
        self.arrives(3)
        self.assert_found()
        self.assertEqual(self.direction.undelivered(0, 10), 9)
        self.arrives(3)
        self.assert_found("twice")
        self.arrives(10)  # was not sent
        self.arrives(4, lambda frame: frame[:-1] + b"?")
        self.arrives(4, lambda frame: frame[:-1])
        self.assertEqual(self.findings.counts["strange packets"], 3)


class CutTest(unittest.TestCase):
    def resolve(self, lines):
        gateway = SoakGateway(NEAR, None, Findings())
        gateway.model, gateway.saved = {"old", "other"}, lambda: set(lines)
        told = []
        edit = Edit({"old"}, {"new", "newer"}, told.append)
        gateway.pending.add(edit)
        gateway.resolve_cut()
        self.assertEqual(told, [edit.made])
        return types.SimpleNamespace(made=edit.made, found=set(gateway.findings.counts), model=gateway.model)

    def test_it_was_made(self):
        result = self.resolve({"new", "newer", "other"})
        self.assertEqual((result.made, result.found, result.model), (True, set(), {"new", "newer", "other"}))

    def test_it_was_not_made(self):
        result = self.resolve({"old", "other"})
        self.assertEqual((result.made, result.found, result.model), (False, set(), {"old", "other"}))

    def test_half_of_it_is_found(self):
        for lines in ({"new", "other"}, {"old", "new", "newer", "other"}, {"other"}):
            self.assertIn("half an edit", self.resolve(lines).found)

    def test_what_was_acknowledged_and_is_lost_is_found(self):
        self.assertEqual(self.resolve({"old"}).found, {"state"})

    def test_saved_lines_are_compared_without_how_far_they_have_counted(self):
        self.assertEqual(without_numbers("spi --said esp.1@192.0.2.2 --sent 5 --received 7 --esp null"),
                         "spi --said esp.1@192.0.2.2 --esp null")
