# The tunnels of the soak: which SAs each has on both gateways, as the lines in which `save` shows them, and which of
# them may be on the wire now. A tunnel goes one way. At the gateway that sends it is one `tun` SA, to which the eroutes
# lead, and behind it one of several variants; the gateway that receives has each variant as a group of its own, so that
# a regrouping or a rekey loses nothing (docs/rekey.md).
import dataclasses
import itertools

import peer

NEVER = 1 << 62
LEAP = 2 << 20  # numbers that an SA may leave out where it cannot know which were used (docs/control.md)
BURST = 64  # packets that a worker may still send as it was before an edit, when that is answered
SHAPES = {"esp": ("esp",), "esp+ah": ("esp", "ah"), "ah+esp": ("ah", "esp"), "comp+esp": ("comp", "esp")}
ESP_ALGORITHMS = ("aes128gcm16", "aes128-sha2_256-128", "aes256gcm16", "aes256-sha1-96")
PROTOCOL_NUMBERS = {"esp": 50, "ah": 51}


@dataclasses.dataclass(frozen=True)
class Side:
    """One of the two gateways, and what is behind it."""
    name: str
    number: int

    def gateway(self, family):
        return f"192.0.2.{self.number}" if family == 4 else f"2001:db8::{self.number}"

    def lan(self, family, host):
        return f"10.100.{self.number}.{host}" if family == 4 else f"fd00:100:{self.number}::{host}"

    def inside(self, family):
        return f"10.{self.number}.0.0/16" if family == 4 else f"fd00:{self.number}::/32"

    def network(self, family, tunnel):
        return f"10.{self.number}.{tunnel}.0/24" if family == 4 else f"fd00:{self.number}:{tunnel}::/48"

    def host(self, family, tunnel, host):
        return f"10.{self.number}.{tunnel}.{host}" if family == 4 else f"fd00:{self.number}:{tunnel}::{host}"

    def mac(self, port, ours=False):
        return f"02:00:00:0{int(ours)}:0{self.number}:0{('lan', 'wan').index(port) + 1}"

    def addresses(self, port):
        return ([f"{self.gateway(4)}/24", f"{self.gateway(6)}/64"] if port == "wan"
                else [f"{self.lan(4, 1)}/24", f"{self.lan(6, 1)}/64"])

    def base_lines(self, other):
        """What is there before the first tunnel."""
        yield "tncfg --create ipsec0"
        yield "tncfg --attach --virtual ipsec0 --physical wan"
        for family in (4, 6):
            yield f"route --add --dst {self.inside(family)} --via {self.lan(family, 2)} --dev lan"
            yield f"route --add --dst {other.inside(family)} --via {other.gateway(family)} --dev ipsec0"
            yield f"neigh --add --dst {self.lan(family, 2)} --mac {self.mac('lan', ours=True)} --dev lan"
            yield f"neigh --add --dst {other.gateway(family)} --mac {other.mac('wan')} --dev wan"


NEAR, FAR = Side("near", 1), Side("far", 2)


class Numbers:
    """SPIs and CPIs that were not used before in this run."""

    def __init__(self):
        self.spis, self.cpis = itertools.count(0x2000), itertools.cycle(range(0x100, 0xf000))

    def next(self, protocol):
        return next(self.cpis) if protocol == "comp" else next(self.spis)


class Seen:
    """An SA as the wire shows it: between which frames it may be there, and which of its sequence numbers were."""
    __slots__ = ("protocol", "said", "spi", "addresses", "inner", "spans", "start", "last", "runs", "left_out", "variant")

    def __init__(self, sa, variant, addresses):
        self.protocol, self.said, self.spi, self.variant = PROTOCOL_NUMBERS[sa.proto], sa.said, sa.spi, variant
        self.addresses, self.inner = addresses, None
        self.spans = ((0, 0),)  # [first, until) of frames; replaced as a whole, for the loop reads it at any time
        self.start, self.last, self.runs = 1, 0, []
        self.left_out = 0  # numbers, where its gateway was killed, or it was made again

    @property
    def until(self):
        return self.spans[-1][1]

    def may_be_at(self, position):
        return any(first <= position < until for first, until in self.spans)

    def begin(self, position, looked_at):
        """From here on it may be there, until further notice."""
        first, until = self.spans[-1]
        if until >= NEVER:
            return
        ended = tuple(span for span in self.spans if span[1] > looked_at)
        if until > position:
            self.spans = (*ended[:-1], (first, NEVER))
        else:
            self.spans = (*ended, (position, NEVER))

    def end(self, position):
        self.spans = (*self.spans[:-1], (self.spans[-1][0], position))

    def jump(self, number):
        """Takes a number that is not the next one; False where it was used before."""
        if number > self.last:
            if self.last >= self.start:
                self.runs.append((self.start, self.last))
            self.start = self.last = number
            return True
        if self.start <= number <= self.last or any(start <= number <= last for start, last in self.runs):
            return False
        self.runs.append((number, number))
        return True


class Variant:
    """What may be behind a tunnel's `tun` SA, with keys of its own."""

    def __init__(self, tunnel, shape, numbers, spi=None, algorithm=None):
        self.tunnel, self.shape, self.renewals = tunnel, shape, 0
        source, destination = tunnel.source.gateway(tunnel.outer), tunnel.destination.gateway(tunnel.outer)
        self.transforms = []
        for protocol in SHAPES[shape]:
            number = spi or numbers.next(protocol)
            if protocol == "esp":
                made = peer.Esp(number, source, destination, algorithm or ESP_ALGORITHMS[number % len(ESP_ALGORITHMS)])
            elif protocol == "ah":
                made = peer.Ah(number, source, destination, "hmac-sha2_256-128")
            else:
                made = peer.Comp(number, source, destination)
            self.transforms.append(made)
        self.inbound_tunnel = peer.Tunnel(spi or numbers.next("tun"), source, destination)
        addresses = tunnel.outer_addresses()
        self.seen = Seen(self.transforms[-1], self, addresses)
        if shape == "esp+ah":  # the ESP header can be read behind the AH
            self.seen.inner = Seen(self.transforms[0], self, addresses)

    @property
    def group(self):
        return [self.tunnel.sa, *self.transforms]

    def sa_lines(self):
        return [saved_line(sa) for sa in self.transforms]

    def inbound_lines(self):
        return [saved_line(self.inbound_tunnel), *self.sa_lines(), group_line([self.inbound_tunnel, *self.transforms])]

    def group_line(self):
        return group_line(self.group)

    def delete_lines(self):
        """At the gateway that sends, where they are not in the group any more."""
        return [f"spi --said {sa.said} --del" for sa in self.transforms]

    def __str__(self):
        return f"{self.shape} {' '.join(sa.said for sa in self.group)}"


class Tunnel:
    """One way from one gateway to the other. `now` is the variant in force, `variants` those the far end takes."""

    def __init__(self, number, source, destination, outer, inner, direction):
        self.number, self.source, self.destination, self.outer, self.inner = number, source, destination, outer, inner
        self.direction = direction
        self.sa = peer.Tunnel(0x1000 + number, source.gateway(outer), destination.gateway(outer))
        self.variants, self.now = [], None

    def outer_addresses(self):
        """As they are in a frame: the source and the destination, one after the other."""
        packet = self.sa.encap(b"\x45")
        return packet[12:20] if self.outer == 4 else packet[8:40]

    def add(self, variant):
        self.variants.append(variant)
        self.direction.seen[variant.seen.spi] = variant.seen

    def source_lines(self):
        """What the gateway that sends begins with."""
        lines = [saved_line(self.sa), *(line for variant in self.variants for line in variant.sa_lines())]
        return lines + [self.variants[0].group_line(), self.eroute_line()]

    def destination_lines(self):
        return [line for variant in self.variants for line in variant.inbound_lines()]

    def renew_lines(self):
        """Deletes the SAs that are in force and makes them again, with their keys, in one transaction."""
        return [f"spi --said {self.sa.said} --del", saved_line(self.sa), *self.now.sa_lines(), self.now.group_line(),
                self.eroute_line().replace("--add", "--replace")]

    def eroute_line(self):
        return (f"eroute --add --eraf {'inet' if self.inner == 4 else 'inet6'} --src "
                f"{self.source.network(self.inner, self.number)} --dst "
                f"{self.destination.network(self.inner, self.number)} --said {self.sa.said}")

    def expect(self, variant):
        """From here on the wire may show the variant: it is about to be put in force."""
        direction = self.direction
        variant.seen.begin(direction.position(), direction.carried)

    def in_force(self, variant):
        """It is; what was there before ends with the bursts that workers have begun."""
        if self.now is not variant:
            if self.now:
                self.retire(self.now)
            self.now = variant

    def retire(self, variant):
        variant.seen.end(self.direction.position() + BURST)


def saved_line(sa):
    """A line of `save --keys`, which is a command too."""
    words = f"spi --said {sa.said}"
    if sa.proto == "tun":
        return f"{words} --ip{4 if sa.af == 'inet' else 6} --src {sa.source} --dst {sa.destination}"
    words += f" --src {sa.source} --{sa.proto} {'deflate' if sa.proto == 'comp' else sa.algorithm}"
    if sa.proto == "esp" and sa.encryption_key:
        words += f" --enckey 0x{sa.encryption_key.hex()}"
    if sa.proto == "ah" or (sa.proto == "esp" and sa.authentication_key):
        words += f" --authkey 0x{sa.authentication_key.hex()}"
    return words


def group_line(sas):
    return "spigrp --said " + " ".join(sa.said for sa in sas)
