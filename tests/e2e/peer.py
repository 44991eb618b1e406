# The other gateway: each SA as scapy, the python3-cryptography library behind it and zlib do it, from raw IP packet to
# raw IP packet. Nothing here knows how spigrp does it. Where scapy 2.5 falls short, the correction is here and says so.
import dataclasses
import hashlib
import ipaddress
import struct
import zlib

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.ipsec import (AH, AUTH_ALGOS, CRYPT_ALGOS, ESP, AuthAlgo, CryptAlgo, SecurityAssociation, _ESPPlain,
                                zero_mutable_fields)


class BadPacket(Exception):
    """The wire holds something that this gateway would not take."""


class GmacCryptAlgo(CryptAlgo):
    """AES-GMAC of ESP, which scapy has not: OpenSSL's tag over all that is sent, the IV too, and nothing encrypted (RFC
    4543 sections 3.3 and 3.5, figure 4)."""

    def __init__(self):
        super().__init__("AES-GMAC", cipher=None, mode=None, block_size=1, iv_size=8, salt_size=4, icv_size=16)

    def tag(self, sa, esp, iv, data, upper):
        covered = struct.pack("!I", esp.spi) + upper + struct.pack("!I", esp.seq) + iv + data
        return AESGCM(sa.crypt_key).encrypt(sa.crypt_salt + iv, b"", covered)

    def encrypt(self, sa, esp, key, icv_size=None, esn_en=False, esn=0):
        data = esp.data_for_encryption()
        tag = self.tag(sa, esp, esp.iv, data, struct.pack("!I", esn) if esn_en else b"")
        return ESP(spi=esp.spi, seq=esp.seq, data=esp.iv + data + tag)

    def decrypt(self, sa, esp, key, icv_size=None, esn_en=False, esn=0):
        iv, data, tag = esp.data[:8], esp.data[8:-16], esp.data[-16:]
        if tag != self.tag(sa, esp, iv, data, struct.pack("!I", esn) if esn_en else b""):
            raise BadPacket("AES-GMAC: the ICV does not match")
        return _ESPPlain(spi=esp.spi, seq=esp.seq, iv=iv, data=data[:-2 - data[-2]], padlen=data[-2], nh=data[-1],
                         icv=tag)


def truncated_gcm(icv_bytes):
    """scapy has only the tag of 16 bytes."""
    full = CRYPT_ALGOS["AES-GCM"]
    return CryptAlgo(f"AES-GCM-{icv_bytes}", cipher=algorithms.AES, mode=modes.GCM, block_size=1, iv_size=8,
                     salt_size=4, icv_size=icv_bytes, format_mode_iv=full._format_mode_iv)


class Xcbc:
    """AES-XCBC-MAC (RFC 3566 section 4) over OpenSSL's AES; in the words of the library's MACs."""

    def __init__(self, key):
        one, two, three = (self.encrypted(key, bytes([number]) * 16) for number in (1, 2, 3))
        self.key, self.whole_key, self.partial_key = one, two, three
        self.message = b""

    @staticmethod
    def encrypted(key, block):
        encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
        return encryptor.update(block) + encryptor.finalize()

    def update(self, data):
        self.message += data

    def finalize(self):
        start = max(len(self.message) - 1, 0) // 16 * 16
        last = self.message[start:]
        mask = self.whole_key if len(last) == 16 else self.partial_key
        if len(last) < 16:
            last += b"\x80" + bytes(15 - len(last))
        last = bytes(one ^ other for one, other in zip(last, mask))
        encryptor = Cipher(algorithms.AES(self.key), modes.CBC(bytes(16))).encryptor()
        return (encryptor.update(self.message[:start] + last) + encryptor.finalize())[-16:]


class XcbcAuthAlgo(AuthAlgo):
    def __init__(self):
        super().__init__("AES-XCBC-96", mac=Xcbc, digestmod=None, icv_size=12, key_size=(16,))

    def new_mac(self, key):
        return Xcbc(key)


# The commands' word for a cipher → scapy's, and the bytes of its key, salt included.
CIPHERS = {
    "aes128": (CRYPT_ALGOS["AES-CBC"], 16), "aes192": (CRYPT_ALGOS["AES-CBC"], 24),
    "aes256": (CRYPT_ALGOS["AES-CBC"], 32), "3des": (CRYPT_ALGOS["3DES"], 24), "null": (CRYPT_ALGOS["NULL"], 0),
    "chacha20poly1305": (CRYPT_ALGOS["CHACHA20-POLY1305"], 36),
}
for size in (16, 24, 32):
    CIPHERS[f"aes{size * 8}ctr"] = (CRYPT_ALGOS["AES-CTR"], size + 4)
    CIPHERS[f"aes{size * 8}gmac"] = (GmacCryptAlgo(), size + 4)
    for icv_bytes in (8, 12, 16):
        CIPHERS[f"aes{size * 8}gcm{icv_bytes}"] = (
            CRYPT_ALGOS["AES-GCM"] if icv_bytes == 16 else truncated_gcm(icv_bytes), size + 4)
        CIPHERS[f"aes{size * 8}ccm{icv_bytes}"] = (CRYPT_ALGOS["AES-CCM"], size + 3)
# The commands' word for an authenticator → scapy's, and the bytes of its key.
AUTHENTICATORS = {
    "md5-96": (AUTH_ALGOS["HMAC-MD5-96"], 16), "sha1-96": (AUTH_ALGOS["HMAC-SHA1-96"], 20),
    "sha2_256-128": (AUTH_ALGOS["SHA2-256-128"], 32), "sha2_384-192": (AUTH_ALGOS["SHA2-384-192"], 48),
    "sha2_512-256": (AUTH_ALGOS["SHA2-512-256"], 64), "aes_cmac-96": (AUTH_ALGOS["AES-CMAC-96"], 16),
    "aes_xcbc-96": (XcbcAuthAlgo(), 16),
}


class EspAuthAlgo(AuthAlgo):
    """scapy leaves the upper half of an extended sequence number out where a MAC of its own authenticates ESP: it is
    appended for the computation (RFC 4303 section 2.2.1)."""

    def __init__(self, known, upper):
        super().__init__(known.name, known.mac, known.digestmod, known.icv_size)
        self.new_mac, self.upper = known.new_mac, upper

    def icv(self, covered, key):
        mac = self.new_mac(key)
        mac.update(covered + self.upper)
        return mac.finalize()[:self.icv_size]

    def sign(self, pkt, key, esn_en=False, esn=0):
        pkt.data += self.icv(bytes(pkt), key)
        return pkt

    def verify(self, pkt, key, esn_en=False, esn=0):
        packet = bytes(pkt)
        if packet[-self.icv_size:] != self.icv(packet[:-self.icv_size], key):
            raise BadPacket(f"{self.name}: the ICV of ESP does not match")


class AhAuthAlgo(AuthAlgo):
    """scapy's sign() sees an ESP header anywhere in the packet and signs that instead of the AH outside of it."""

    def __init__(self, known):
        super().__init__(known.name, known.mac, known.digestmod, known.icv_size)
        self.new_mac = known.new_mac

    def sign(self, pkt, key, esn_en=False, esn=0):
        mac = self.new_mac(key)
        mac.update(bytes(zero_mutable_fields(pkt.copy(), sending=True)))
        if esn_en:
            mac.update(struct.pack("!I", esn))
        pkt[AH].icv = mac.finalize()[:self.icv_size]
        return pkt


class GmacAuthAlgo(AuthAlgo):
    """RFC 4543 section 4, which scapy has not: the ICV field is an IV and OpenSSL's tag, over a packet with the IV and
    zeros instead of the tag (section 7: "the IV is included in the additional authenticated data")."""

    def __init__(self, name, iv=bytes(8)):
        super().__init__(name, mac=None, digestmod=None, icv_size=24)
        self.iv = iv

    def field(self, packet, key, upper):
        covered = zero_mutable_fields(packet.copy(), sending=True)
        covered[AH].icv = self.iv + bytes(len(covered[AH].icv) - 8)
        return self.iv + AESGCM(key[:-4]).encrypt(key[-4:] + self.iv, b"", bytes(covered) + upper)

    def sign(self, pkt, key, esn_en=False, esn=0):
        pkt[AH].icv = self.field(pkt, key, struct.pack("!I", esn) if esn_en else b"")
        return pkt

    def verify(self, pkt, key, esn_en=False, esn=0):
        self.iv = pkt[AH].icv[:8]
        if pkt[AH].icv[:24] != self.field(pkt, key, struct.pack("!I", esn) if esn_en else b""):
            raise BadPacket("AES-GMAC: the ICV does not match")


def key_bytes(name, count):
    """A key that is the same in every run and unlike any other name's."""
    return hashlib.shake_128(name.encode()).digest(count)


def parse(packet):
    return IP(packet) if packet[0] >> 4 == 4 else IPv6(packet)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def check_ip_header(packet):
    """Lengths and header checksum, before scapy rewrites them."""
    if packet[0] >> 4 == 4:
        header_bytes = (packet[0] & 15) * 4
        if checksum(packet[:header_bytes]) != 0:
            raise BadPacket(f"IPv4 header checksum is wrong: {packet[:header_bytes].hex()}")
        if struct.unpack("!H", packet[2:4])[0] != len(packet):
            raise BadPacket(f"IPv4 total length is not {len(packet)}: {packet[:20].hex()}")
    elif struct.unpack("!H", packet[4:6])[0] + 40 != len(packet):
        raise BadPacket(f"IPv6 payload length is not {len(packet) - 40}: {packet[:40].hex()}")


def check_same(said, packet, ours):
    """What was decrypted, encrypted again: shows padding bytes and reserved fields, which scapy does not look at."""
    if packet != ours:
        raise BadPacket(f"{said}: scapy would have sent\n  {ours.hex()}\nand not\n  {packet.hex()}")


@dataclasses.dataclass
class Sa:
    spi: int
    source: str
    destination: str

    @property
    def af(self):
        return "inet" if ipaddress.ip_address(self.destination).version == 4 else "inet6"

    @property
    def said(self):
        return f"{self.proto}{'.' if self.af == 'inet' else ':'}{self.spi:x}@{self.destination}"

    @property
    def words(self):
        """The SA as spigrp's long form takes it: AF DST SPI PROTO."""
        return f"{self.af} {self.destination} 0x{self.spi:x} {self.proto}"

    @property
    def sa_words(self):
        return f"--af {self.af} --edst {self.destination} --spi 0x{self.spi:x} --proto {self.proto}"


@dataclasses.dataclass
class Tunnel(Sa):
    proto = "tun"
    sequenced = False

    def command(self):
        option = "--ip4" if self.af == "inet" else "--ip6"
        return f"spi {self.sa_words} {option} --src {self.source} --dst {self.destination}"

    def encap(self, packet, sequence=None):
        protocol = 4 if packet[0] >> 4 == 4 else 41
        if self.af == "inet":
            return bytes(IP(src=self.source, dst=self.destination, proto=protocol, ttl=64, id=0x5a5a) / packet)
        return bytes(IPv6(src=self.source, dst=self.destination, nh=protocol, hlim=64) / packet)

    def decap(self, packet):
        check_ip_header(packet)
        outer = parse(packet)
        if (outer.src, outer.dst) != (self.source, self.destination):
            raise BadPacket(f"tunnel from {outer.src} to {outer.dst}, not {self.source} to {self.destination}")
        header_bytes = (packet[0] & 15) * 4 if outer.version == 4 else 40
        protocol = outer.proto if outer.version == 4 else outer.nh
        inner = packet[header_bytes:]
        if {4: 4, 41: 6}.get(protocol) != inner[0] >> 4:
            raise BadPacket(f"tunnel's next header {protocol} over an IP version {inner[0] >> 4}")
        return inner


@dataclasses.dataclass
class Esp(Sa):
    algorithm: str = "aes128-sha1-96"
    replay_window: int = 64
    key_name: str = ""
    extended: bool = False  # sequence numbers
    proto = "esp"
    sequenced = True

    def __post_init__(self):
        cipher, _, authenticator = self.algorithm.partition("-")
        scapy_cipher, cipher_bytes = CIPHERS[cipher]
        scapy_auth, auth_bytes = AUTHENTICATORS[authenticator] if authenticator else (None, 0)
        seed = self.key_name or f"{self.said} {self.algorithm}"
        self.encryption_key = key_bytes("encryption " + seed, cipher_bytes)
        self.authentication_key = key_bytes("authentication " + seed, auth_bytes)
        self.scapy = SecurityAssociation(ESP, spi=self.spi, esn_en=self.extended)
        self.scapy.crypt_algo, salt_bytes = scapy_cipher, scapy_cipher.salt_size
        self.scapy.crypt_key = self.encryption_key[:cipher_bytes - salt_bytes]
        self.scapy.crypt_salt = self.encryption_key[cipher_bytes - salt_bytes:]
        if cipher.rpartition("ccm")[1]:
            self.scapy.crypt_icv_size = int(cipher.rpartition("ccm")[2])
        self.scapy.auth_key = self.authentication_key
        if scapy_auth:
            self.scapy.auth_algo = EspAuthAlgo(scapy_auth, bytes(4) if self.extended else b"")

    def command(self):
        words = f"spi {self.sa_words} --src {self.source} --esp {self.algorithm} --replay_window {self.replay_window}"
        if self.extended:
            words += " --esn"
        if self.encryption_key:
            words += f" --enckey 0x{self.encryption_key.hex()}"
        if self.authentication_key:
            words += f" --authkey 0x{self.authentication_key.hex()}"
        return words

    def encap(self, packet, sequence=None):
        return bytes(self.scapy.encrypt(parse(packet), seq_num=sequence))

    def forge(self, source, destination, sequence, plaintext):
        """A packet whose ICV is right over any plaintext at all; the last two bytes are pad length and next header."""
        esp = _ESPPlain(spi=self.spi, seq=sequence, iv=self.scapy.crypt_algo.generate_iv(), data=plaintext[:-2],
                        padding=b"", padlen=plaintext[-2], nh=plaintext[-1])
        esp = self.scapy.crypt_algo.encrypt(self.scapy, esp, self.scapy.crypt_key)
        self.scapy.auth_algo.sign(esp, self.authentication_key)
        if self.af == "inet":
            return bytes(IP(src=source, dst=destination, proto=50) / bytes(esp))
        return bytes(IPv6(src=source, dst=destination, nh=50) / bytes(esp))

    def decap(self, packet):
        check_ip_header(packet)
        esp = parse(packet).getlayer(ESP)
        if esp is None or esp.spi != self.spi:
            raise BadPacket(f"no {self.said} where it should be: {parse(packet).summary()}")
        inner = bytes(self.scapy.decrypt(parse(packet)))
        iv = esp.data[:self.scapy.crypt_algo.iv_size]
        check_same(self.said, packet, bytes(self.scapy.encrypt(parse(inner), seq_num=esp.seq, iv=iv)))
        return inner


@dataclasses.dataclass
class EspInUdp(Esp):
    """RFC 3948. scapy puts UDP there with a length that lacks ESP over IPv4 and without a checksum over IPv6, where RFC
    8200 asks for one; and takes it off over IPv4 only."""
    ports: tuple = (4500, 4500)

    def __post_init__(self):
        super().__post_init__()
        self.move_to(self.ports)

    def move_to(self, ports):
        """What a translator between the gateways does to the packets of this SA from now on."""
        self.ports = ports
        self.scapy.nat_t_header = UDP(sport=ports[0], dport=ports[1])

    def command(self):
        return super().command() + f" --natt nonesp --sport {self.ports[0]} --dport {self.ports[1]}"

    def complete(self, packet):
        packet = packet.copy()
        packet[UDP].len = None
        if packet.version == 6:
            packet[UDP].chksum = None
        return bytes(packet.__class__(bytes(packet)))

    def encap(self, packet, sequence=None):
        return self.complete(self.scapy.encrypt(parse(packet), seq_num=sequence))

    def decap(self, packet):
        check_ip_header(packet)
        header_bytes, protocol = (20, packet[9]) if packet[0] >> 4 == 4 else (40, packet[6])
        if protocol != 17:
            raise BadPacket(f"no UDP in front of {self.said}: protocol {protocol}")
        esp = parse(with_payload(packet, 50, packet[header_bytes + 8:])).getlayer(ESP)
        if esp is None or esp.spi != self.spi:
            raise BadPacket(f"no {self.said} where it should be: {packet.hex()}")
        self.scapy.nat_t_header = None
        inner = bytes(self.scapy.decrypt(parse(with_payload(packet, 50, packet[header_bytes + 8:]))))
        self.move_to(self.ports)
        iv = esp.data[:self.scapy.crypt_algo.iv_size]
        check_same(self.said, packet, self.complete(self.scapy.encrypt(parse(inner), seq_num=esp.seq, iv=iv)))
        return inner


@dataclasses.dataclass
class Ah(Sa):
    algorithm: str = "hmac-sha1-96"
    replay_window: int = 64
    key_name: str = ""
    extended: bool = False
    proto = "ah"
    sequenced = True

    def __post_init__(self):
        if self.algorithm.endswith("gmac"):
            auth_algo, auth_bytes = GmacAuthAlgo(self.algorithm), CIPHERS[self.algorithm][1]
        else:
            scapy_auth, auth_bytes = AUTHENTICATORS[self.algorithm.removeprefix("hmac-")]
            auth_algo = AhAuthAlgo(scapy_auth)
        self.authentication_key = key_bytes("ah " + (self.key_name or f"{self.said} {self.algorithm}"), auth_bytes)
        self.scapy = SecurityAssociation(AH, spi=self.spi, esn_en=self.extended)
        self.scapy.auth_algo, self.scapy.auth_key = auth_algo, self.authentication_key

    def command(self):
        return (f"spi {self.sa_words} --src {self.source} --ah {self.algorithm} --replay_window {self.replay_window} "
                f"{'--esn ' if self.extended else ''}--authkey 0x{self.authentication_key.hex()}")

    def encap(self, packet, sequence=None):
        if isinstance(self.scapy.auth_algo, GmacAuthAlgo):
            self.scapy.auth_algo.iv = struct.pack("!Q", (sequence or self.scapy.seq_num) ^ 0x1234567890abcdef)
        return bytes(self.scapy.encrypt(parse(packet), seq_num=sequence))

    def decap(self, packet):
        check_ip_header(packet)
        ah = parse(packet).getlayer(AH)
        if ah is None or ah.spi != self.spi:
            raise BadPacket(f"no {self.said} where it should be: {parse(packet).summary()}")
        inner = bytes(self.scapy.decrypt(parse(packet)))
        check_same(self.said, packet, bytes(self.scapy.encrypt(parse(inner), seq_num=ah.seq)))
        return inner


def with_payload(packet, protocol, payload):
    """The packet's IP header, without options, over another payload."""
    if packet[0] >> 4 == 6:
        return packet[:4] + struct.pack("!HB", len(payload), protocol) + packet[7:40] + payload
    header = bytearray(packet[:20])
    header[2:4], header[9], header[10:12] = struct.pack("!H", 20 + len(payload)), protocol, b"\0\0"
    header[10:12] = struct.pack("!H", checksum(bytes(header)))
    return bytes(header) + payload


def raw_deflate(data, level=6, strategy=zlib.Z_DEFAULT_STRATEGY):
    compressor = zlib.compressobj(level, zlib.DEFLATED, -15, 8, strategy)
    return compressor.compress(data) + compressor.flush()


@dataclasses.dataclass
class Comp(Sa):
    level: int = 6
    cpi: int = 0  # that is sent, if not the SA's number
    proto = "comp"
    sequenced = False

    def command(self):
        return f"spi {self.sa_words} --src {self.source} --comp deflate"

    def header(self, protocol):
        return struct.pack("!BBH", protocol, 0, self.cpi or self.spi)

    def encap(self, packet):
        header_bytes, protocol = (20, packet[9]) if packet[0] >> 4 == 4 else (40, packet[6])
        if protocol == 108:  # RFC 3173 section 2.2: once
            return packet
        payload = packet[header_bytes:]
        compressed = self.header(protocol) + raw_deflate(payload, self.level)
        return with_payload(packet, 108, compressed) if len(compressed) < len(payload) else packet

    def decap(self, packet):
        check_ip_header(packet)
        header_bytes, protocol = (20, packet[9]) if packet[0] >> 4 == 4 else (40, packet[6])
        if protocol != 108:
            return packet
        inner_protocol, flags, cpi = struct.unpack("!BBH", packet[header_bytes:header_bytes + 4])
        if (flags, cpi) != (0, self.spi):
            raise BadPacket(f"no {self.said} where it should be: flags {flags}, CPI {cpi:#x}")
        stream = zlib.decompressobj(-15)
        payload = stream.decompress(packet[header_bytes + 4:]) + stream.flush()
        if not stream.eof or stream.unused_data:
            raise BadPacket(f"{self.said}: not exactly one DEFLATE stream")
        inner = with_payload(packet, inner_protocol, payload)
        if len(inner) <= len(packet):
            raise BadPacket(f"{self.said}: {len(inner)} bytes were made {len(packet)}")
        return inner


def encap(group, packet, sequence=None):
    """Applies SAs listed inside → outside. `sequence`: the same for all, or each SA's own next one."""
    for sa in group:
        packet = sa.encap(packet, sequence) if sa.sequenced else sa.encap(packet)
    return packet


def decap(group, packet):
    """Removes exactly the SAs of the group, outermost first."""
    for sa in reversed(group):
        packet = sa.decap(packet)
    return packet


def sequence_number(packet):
    """(protocol, SPI, sequence) of the outermost ESP or AH of a packet without IP options, or None."""
    header_bytes = 20 if packet[0] >> 4 == 4 else 40
    protocol = packet[9] if packet[0] >> 4 == 4 else packet[6]
    if protocol == 50:
        return (50,) + struct.unpack("!II", packet[header_bytes:header_bytes + 8])
    if protocol == 51:
        return (51,) + struct.unpack("!II", packet[header_bytes + 4:header_bytes + 12])
    return None


def forwarded(packet):
    """The packet as a router sends it on: one hop used up."""
    if packet[0] >> 4 == 6:
        return packet[:7] + bytes([packet[7] - 1]) + packet[8:]
    header_bytes = (packet[0] & 15) * 4
    header = bytearray(packet[:header_bytes])
    header[8] -= 1
    header[10:12] = b"\0\0"
    header[10:12] = struct.pack("!H", checksum(bytes(header)))
    return bytes(header) + packet[header_bytes:]
