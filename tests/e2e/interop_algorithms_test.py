# Every algorithm that `spi --algorithms` lists against scapy or, where scapy lacks it, python3-cryptography (peer.py):
# {esp, tun → esp, ah, esp → ah, tun → esp → ah} × both families × both directions × three sizes, each other for each
# algorithm. The program says what there is, so an algorithm without a peer fails by its name. Every order of a group, with one
# algorithm of each kind: interop_test.py.
import peer
from interop_test import ExchangeTest

ESP_SHAPES = (("esp",), ("tun", "esp"), ("esp", "ah"), ("tun", "esp", "ah"))


class AlgorithmsTest(ExchangeTest):
    turns = 3
    least_icv_bits = 0

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rows = [row for row in cls.gateway.list("spi --algorithms") if row["icv_bits"] >= cls.least_icv_bits]
        cls.esp = [row["name"] for row in rows if row["protocol"] == "esp"]
        cls.ah = [row["name"] for row in rows if row["protocol"] == "ah"]

    @property
    def algorithms(self):
        """Each of one protocol beside some of the other."""
        count = max(len(self.esp), len(self.ah))
        return [(self.esp[number % len(self.esp)], self.ah[number % len(self.ah)]) for number in range(count)]

    def payload_bytes(self, turn, number):
        return (number % 16 + 1, 100 + number, 1200 - number)[turn]

    def check_outbound_and_inbound(self, shape, family):
        if shape[0] == "tun":
            self.check_outbound(shape, family)
            self.setUp()
            self.check_inbound_forwarded(shape, family)
        else:  # such a group ends at the gateway, which answers an echo through its own
            self.check_inbound_to_gateway(shape, family)


class PeersTest(AlgorithmsTest):
    def test_every_algorithm_has_a_peer(self):
        for protocol, names in ((peer.Esp, self.esp), (peer.Ah, self.ah)):
            self.assertTrue(names)
            for name in names:
                with self.subTest(protocol=protocol.proto, name=name):
                    protocol(0x1000, "192.0.2.1", "192.0.2.2", name)


class AhTest(AlgorithmsTest):
    @property
    def algorithms(self):
        return [(None, name) for name in self.ah]


class EspTest(AlgorithmsTest):
    pass


class TunnelTest(AlgorithmsTest):
    pass


class ExtendedNumbersTest(AlgorithmsTest):
    """Extended sequence numbers need an ICV. The upper half is 0 here (vectors have others), but authenticated."""
    turns, least_icv_bits = 1, 1
    sa_options = {"extended": True}


def add_tests():
    def add(cls, shape, family):
        def test(self):
            self.check_outbound_and_inbound(shape, family)
        setattr(cls, f"test_{'_'.join(shape)}_ipv{family}", test)

    for family in (4, 6):
        add(AhTest, ("ah",), family)
        for shape in ESP_SHAPES:
            add(TunnelTest if shape[0] == "tun" else EspTest, shape, family)
        add(ExtendedNumbersTest, ("tun", "esp", "ah"), family)


add_tests()
