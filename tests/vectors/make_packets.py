#!/usr/bin/env python3
"""Makes esp_packets.json, esp_in_udp_packets.json, ah_packets.json and ah_gmac_packets.json: packets protected by scapy,
to which ours are held; and ipcomp_packets.json: packets compressed by zlib, which ours must inflate.

Run by hand, with scapy and cryptography installed: tests/vectors/make_packets.py
Keys, IVs and payloads come from a fixed stream, so that a run repeats itself byte for byte.
"""
import hashlib
import hmac
import json
import pathlib
import struct
import zlib

from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.cmac import CMAC

from scapy.all import IP, TCP, UDP, IPv6, Raw, raw
from scapy.layers.inet import (IPOption, IPOption_NOP, IPOption_Router_Alert, IPOption_RR, IPOption_Security,
                               IPOption_Timestamp)
from scapy.layers.inet6 import (HBHOptUnknown, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, PadN,
                                RouterAlert)
from scapy.layers.ipsec import AH, ESP, AuthAlgo, SecurityAssociation, zero_mutable_fields



class GmacAuthAlgo(AuthAlgo):
    """AES-GMAC of AH (RFC 4543 section 4), which scapy has not: the ICV field is an IV and OpenSSL's tag, over what RFC
    4302 says, the tag zero and the IV as it is (section 7: "the IV is included in the additional authenticated data")."""

    def __init__(self, name, iv):
        super().__init__(name, mac=None, digestmod=None, icv_size=24)
        self.iv = iv

    def field(self, packet, key, upper):
        covered = zero_mutable_fields(packet.copy(), sending=True)
        covered[AH].icv = self.iv + bytes(len(covered[AH].icv) - 8)
        covered = raw(covered) + upper
        return self.iv + AESGCM(key[:-4]).encrypt(key[-4:] + self.iv, b"", covered)

    def sign(self, pkt, key, esn_en=False, esn=0):
        pkt[AH].icv = self.field(pkt, key, struct.pack("!I", esn) if esn_en else b"")
        return pkt

    def verify(self, pkt, key, esn_en=False, esn=0):
        assert pkt[AH].icv[:24] == self.field(pkt, key, struct.pack("!I", esn) if esn_en else b"")


HERE = pathlib.Path(__file__).parent
GATEWAYS_4 = ("192.0.2.1", "198.51.100.2")
GATEWAYS_6 = ("2001:db8:f::1", "2001:db8:f::2")
SIZES = (0, 1, 2, 3, 5, 13, 14, 15, 16, 17, 31, 33, 64, 100, 127)
LARGE = (511, 1023, 1372)

# our name: (scapy's name, key bytes with salt, IV bytes)
CIPHERS = {
    "aes128": ("AES-CBC", 16, 16), "aes192": ("AES-CBC", 24, 16), "aes256": ("AES-CBC", 32, 16),
    "3des": ("3DES", 24, 8), "null": ("NULL", 0, 0), "aes128ctr": ("AES-CTR", 20, 8), "aes256ctr": ("AES-CTR", 36, 8),
}
COMBINED = {"aes128gcm16": ("AES-GCM", 20, 8), "aes192gcm16": ("AES-GCM", 28, 8), "aes256gcm16": ("AES-GCM", 36, 8),
            "aes128ccm16": ("AES-CCM", 19, 8), "aes256ccm16": ("AES-CCM", 35, 8),
            "chacha20poly1305": ("CHACHA20-POLY1305", 36, 8)}
AUTHENTICATORS = {
    "md5-96": ("HMAC-MD5-96", 16), "sha1-96": ("HMAC-SHA1-96", 20), "sha2_256-128": ("SHA2-256-128", 32),
    "sha2_384-192": ("SHA2-384-192", 48), "sha2_512-256": ("SHA2-512-256", 64),
    "aes_cmac-96": ("AES-CMAC-96", 16),
}
HASHES = {"md5": hashlib.md5, "sha1": hashlib.sha1, "sha2_256": hashlib.sha256, "sha2_384": hashlib.sha384,
          "sha2_512": hashlib.sha512}


def stream(label, size):
    """`size` bytes that look random and are the same in every run."""
    out, counter = b"", 0
    while len(out) < size:
        out += hashlib.sha256(f"{label}/{counter}".encode()).digest()
        counter += 1
    return out[:size]


def inner_4(size):
    return IP(src="10.0.0.1", dst="10.0.1.2", tos=0x2E << 2, id=7, ttl=63) / UDP(sport=1000, dport=53) / Raw(
        stream("payload", size))


def inner_6(size):
    return IPv6(src="2001:db8:1::1", dst="2001:db8:2::2", tc=0x28, fl=0x12345, hlim=63) / TCP(
        sport=1000, dport=80, seq=1) / Raw(stream("payload", size))


def outer_4(**more):
    return IP(src=GATEWAYS_4[0], dst=GATEWAYS_4[1], id=0x4321, **more)


def outer_6(**more):
    return IPv6(src=GATEWAYS_6[0], dst=GATEWAYS_6[1], **more)


def options_4():
    return [IPOption_RR(length=11, pointer=8, routers=["10.9.9.9", "0.0.0.0"]), IPOption_NOP(), IPOption_Router_Alert(),
            IPOption_Timestamp(length=8, pointer=9, flg=0, timestamp=12345), IPOption_Security(), IPOption_NOP()]


def mutable_hop_by_hop():
    return IPv6ExtHdrHopByHop(options=[RouterAlert(value=0), HBHOptUnknown(otype=0x3E, optdata=b"abcdefg"),
                                       PadN(optdata=b"\0\0\0\0\0\0")])


def shapes(size):
    """name: (packet, the tunnel header that scapy is to put around it or None)"""
    payload = Raw(stream("payload", size))
    return {
        "transport 4": (outer_4(tos=0x88, flags="DF", ttl=61) / UDP(sport=1, dport=2) / payload, None),
        "transport 4, options": (outer_4(options=options_4(), tos=3) / UDP(sport=1, dport=2) / payload, None),
        "transport 6": (outer_6(tc=0xB9, fl=0xABCDE, hlim=61) / UDP(sport=1, dport=2) / payload, None),
        "transport 6, hop-by-hop": (outer_6() / mutable_hop_by_hop() / UDP(sport=1, dport=2) / payload, None),
        "transport 6, routing and options behind": (
            outer_6() / IPv6ExtHdrRouting(segleft=0, addresses=[]) /
            IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0\0\0\0")]) / UDP(sport=1, dport=2) / payload, None),
        "transport 6, options in front": (
            outer_6() / IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=0x3E, optdata=b"wxyz")]) /
            UDP(sport=1, dport=2) / payload, None),
        "tunnel 4 in 4": (inner_4(size), outer_4(ttl=64)),
        "tunnel 6 in 4": (inner_6(size), outer_4(ttl=64, flags="DF")),
        "tunnel 4 in 6": (inner_4(size), outer_6(hlim=64)),
        "tunnel 6 in 6": (inner_6(size), outer_6(hlim=64)),
    }


def plain_bytes(packet, tunnel):
    return raw(packet if tunnel is None else tunnel / packet)


def digest(authenticator, key, message):
    name, _, bits = authenticator.partition("-")
    if name == "aes_cmac":
        mac = CMAC(AES(key))
        mac.update(message)
        return mac.finalize()[:int(bits) // 8]
    return hmac.digest(key, message, HASHES[name])[:int(bits) // 8]


def with_upper_half(wire, algorithm, key, spi, sequence):
    """RFC 4303 section 2.2.1, for a separate authenticator; scapy 2.5 leaves the upper half out."""
    _, _, authenticator = algorithm.partition("-")
    esp = wire[wire.index(struct.pack("!II", spi, sequence & 0xffffffff)):]
    icv_bytes = int(authenticator.rpartition("-")[2]) // 8
    upper = struct.pack("!I", sequence >> 32)
    return wire[:-icv_bytes] + digest(authenticator, key, esp[:-icv_bytes] + upper)


def with_udp_length(packet):
    """scapy 2.5 leaves the UDP length at 8 over IPv4, and the checksum out over IPv6, where RFC 8200 asks for it."""
    packet = packet.copy()
    packet[UDP].len = None
    if packet.version == 6:
        packet[UDP].chksum = None
    return packet.__class__(raw(packet))


def vector(kind, shape, packet, tunnel, algorithm, keys, scapy_arguments, sequence, iv, extended=False, authenticator=None):
    spi = 0x1000 + int.from_bytes(stream(algorithm, 2), "big")
    association = SecurityAssociation(kind, spi=spi, tunnel_header=tunnel, **scapy_arguments)
    association.auth_algo = authenticator or association.auth_algo
    upper = {"esn_en": True, "esn": sequence >> 32} if extended else {}
    protected = association.encrypt(packet.__class__(raw(packet)), seq_num=sequence & 0xffffffff,
                                    iv=iv if kind is ESP else None, **upper)
    if association.nat_t_header:
        protected = with_udp_length(protected)
    wire = raw(protected)
    association.decrypt(protected.__class__(wire), **upper)  # scapy takes it back
    if extended and kind is ESP and "-" in algorithm:
        wire = with_upper_half(wire, algorithm, keys[1], spi, sequence)
    family = 4 if wire[0] >> 4 == 4 else 6
    gateways = GATEWAYS_4 if family == 4 else GATEWAYS_6
    return {"name": f"{algorithm}, {shape}, {len(wire)} bytes{', esn' if extended else ''}", "extended": extended,
            "algorithm": algorithm, "spi": spi,
            "source": gateways[0], "destination": gateways[1], "encryption_key": keys[0].hex(),
            "authentication_key": keys[1].hex(), "sequence": sequence, "iv": (iv or b"").hex(),
            # destination options without a routing header: scapy puts ESP and AH behind them, we in front of them
            "same_place": shape != "transport 6, options in front",
            "plain": plain_bytes(packet, tunnel).hex(), "protected": wire.hex()}


def esp_algorithms():
    for name, (scapy_name, key_bytes, iv_bytes) in CIPHERS.items():
        for auth_name, (scapy_auth, auth_bytes) in AUTHENTICATORS.items():
            yield f"{name}-{auth_name}", scapy_name, key_bytes, iv_bytes, scapy_auth, auth_bytes
        if name != "null":
            yield name, scapy_name, key_bytes, iv_bytes, None, 0
    for name, (scapy_name, key_bytes, iv_bytes) in COMBINED.items():
        yield name, scapy_name, key_bytes, iv_bytes, None, 0


def name_is_combined(algorithm):
    return algorithm in COMBINED


def esp_vectors():
    count = 0
    for algorithm, scapy_name, key_bytes, iv_bytes, scapy_auth, auth_bytes in esp_algorithms():
        encryption_key, authentication_key = stream("key" + algorithm, key_bytes), stream("auth" + algorithm, auth_bytes)
        arguments = {"crypt_algo": scapy_name, "crypt_key": encryption_key or None}
        if scapy_auth:
            arguments |= {"auth_algo": scapy_auth, "auth_key": authentication_key}
        wanted = [(shape, SIZES[(count + i) % len(SIZES)]) for i, shape in enumerate(shapes(0))]
        wanted.append(("tunnel 4 in 4", LARGE[count % len(LARGE)]))
        for shape, size in wanted:
            count += 1
            packet, tunnel = shapes(size)[shape]
            yield vector(ESP, shape, packet, tunnel, algorithm, (encryption_key, authentication_key), arguments,
                         sequence=count * 7919, iv=stream(f"iv{count}", iv_bytes))
        if scapy_auth or name_is_combined(algorithm):
            packet, tunnel = shapes(33)["tunnel 4 in 4" if count % 2 else "tunnel 6 in 6"]
            for sequence in (count * 104729, (count << 32) + 2, (count << 32) + 0xfffffffe):
                yield vector(ESP, "tunnel", packet, tunnel, algorithm, (encryption_key, authentication_key), arguments,
                             sequence=sequence, iv=stream(f"iv{sequence}", iv_bytes), extended=True)


def esp_in_udp_vectors():
    count = 0
    for algorithm in ("aes128gcm16", "aes128-sha1-96", "null-sha2_256-128", "chacha20poly1305", "aes128ctr-sha1-96"):
        [(_, scapy_name, key_bytes, iv_bytes, scapy_auth, auth_bytes)] = [row for row in esp_algorithms()
                                                                          if row[0] == algorithm]
        encryption_key, authentication_key = stream("key" + algorithm, key_bytes), stream("auth" + algorithm, auth_bytes)
        arguments = {"crypt_algo": scapy_name, "crypt_key": encryption_key or None}
        if scapy_auth:
            arguments |= {"auth_algo": scapy_auth, "auth_key": authentication_key}
        for shape in shapes(0):
            if shape.startswith("transport 6,"):  # scapy 2.5 would name ESP in the extension header, not UDP
                continue
            for size in (SIZES[count % len(SIZES)], LARGE[count % len(LARGE)]):
                count += 1
                packet, tunnel = shapes(size)[shape]
                ports = (4500, 4500) if count % 3 else (40000 + count, 4500)
                made = vector(ESP, shape, packet, tunnel, algorithm, (encryption_key, authentication_key),
                              arguments | {"nat_t_header": UDP(sport=ports[0], dport=ports[1])},
                              sequence=count * 7919, iv=stream(f"iv{count}", iv_bytes))
                yield made | {"name": made["name"] + ", in UDP", "source_port": ports[0], "destination_port": ports[1]}


def ah_vectors():
    count = 0
    for name, (scapy_auth, auth_bytes) in AUTHENTICATORS.items():
        algorithm = name if name.startswith("aes") else "hmac-" + name
        key = stream("auth" + algorithm, auth_bytes)
        for shape in shapes(0):
            for size in (SIZES[count % len(SIZES)], SIZES[(count + 7) % len(SIZES)]):
                count += 1
                packet, tunnel = shapes(size)[shape]
                yield vector(AH, shape, packet, tunnel, algorithm, (b"", key),
                             {"auth_algo": scapy_auth, "auth_key": key}, sequence=count * 104729, iv=None)
        for shape in ("transport 4, options", "tunnel 6 in 6"):
            packet, tunnel = shapes(33)[shape]
            for sequence in (count * 104729, (count << 32) + 2, (count << 32) + 0xfffffffe):
                yield vector(AH, shape, packet, tunnel, algorithm, (b"", key),
                             {"auth_algo": scapy_auth, "auth_key": key}, sequence=sequence, iv=None, extended=True)


def ah_gmac_vectors():
    count = 0
    for bits in (128, 192, 256):
        algorithm = f"aes{bits}gmac"
        key = stream("ah" + algorithm, bits // 8 + 4)
        for shape in shapes(0):
            for size, extended in ((SIZES[count % len(SIZES)], False), (LARGE[count % len(LARGE)], True)):
                count += 1
                packet, tunnel = shapes(size)[shape]
                iv = stream(f"ah iv{count}", 8)
                yield vector(AH, shape, packet, tunnel, algorithm, (b"", key),
                             {"auth_algo": "HMAC-SHA1-96", "auth_key": key},
                             sequence=(count << 32) + 2 if extended else count * 104729, iv=iv, extended=extended,
                             authenticator=GmacAuthAlgo(algorithm, iv))


WORDS = b"the packet goes through all transforms of its group in order and comes out of them in reverse ".split(b" ")


def prose(label, size):
    """Text that compresses about as text does."""
    return b" ".join(WORDS[byte % len(WORDS)] for byte in stream(label, size))[:size]


def deflated(data, level=6, strategy=zlib.Z_DEFAULT_STRATEGY, window_bits=15, blocks=1):
    """A raw stream (RFC 2394), in so many parts with an empty block after each but the last."""
    compressor = zlib.compressobj(level, zlib.DEFLATED, -window_bits, 8, strategy)
    part = max(1, len(data) // blocks)
    out = b""
    for number in range(blocks - 1):
        out += compressor.compress(data[number * part:(number + 1) * part]) + compressor.flush(zlib.Z_FULL_FLUSH)
    return out + compressor.compress(data[(blocks - 1) * part:]) + compressor.flush()


DEFLATES = {
    "default": {}, "fast": {"level": 1}, "best": {"level": 9}, "stored": {"level": 0},
    "fixed codes": {"strategy": zlib.Z_FIXED}, "codes only": {"strategy": zlib.Z_HUFFMAN_ONLY},
    "runs": {"strategy": zlib.Z_RLE}, "small window": {"window_bits": 9}, "four blocks": {"blocks": 4},
}


def with_payload(packet, header_bytes, protocol, payload):
    """The packet's IP header over another payload."""
    header = bytearray(packet[:header_bytes])
    if header[0] >> 4 == 4:
        header[9], header[10:12] = protocol, b"\0\0"
        header[2:4] = (header_bytes + len(payload)).to_bytes(2, "big")
        total = sum(int.from_bytes(header[at:at + 2], "big") for at in range(0, header_bytes, 2))
        total = (total & 0xFFFF) + (total >> 16)
        header[10:12] = (0xFFFF - (total & 0xFFFF) - (total >> 16)).to_bytes(2, "big")
    else:
        header[6] = protocol
        header[4:6] = (header_bytes - 40 + len(payload)).to_bytes(2, "big")
    return bytes(header) + payload


def ipcomp_vectors():
    for family, gateways in ((4, GATEWAYS_4), (6, GATEWAYS_6)):
        count = 0
        for name, arguments in DEFLATES.items():
            for size in (0, 1, 90, 127, 512, 1400, 3000):
                count += 1
                data = prose(f"{name} {size}", size) if count % 3 else stream(f"{name} {size}", size)
                plain = raw((outer_4() if family == 4 else outer_6()) / UDP(sport=1, dport=2, chksum=0) / Raw(data))
                header_bytes = 20 if family == 4 else 40
                cpi = 2 if count % 5 == 0 else 0x100 + count
                ipcomp = bytes([17, 0]) + cpi.to_bytes(2, "big")
                wire = with_payload(plain, header_bytes, 108, ipcomp + deflated(plain[header_bytes:], **arguments))
                yield {"name": f"{name}, {size} bytes, IPv{family}", "cpi": cpi, "source": gateways[0],
                       "destination": gateways[1], "plain": plain.hex(), "compressed": wire.hex()}


def write(file_name, vectors, source="scapy"):
    text = ",\n".join(json.dumps(each) for each in vectors)
    (HERE / file_name).write_text(f'{{"source": "{source}, by make_packets.py", "packets": [\n' + text + "\n]}\n")


if __name__ == "__main__":
    write("esp_packets.json", esp_vectors())
    write("esp_in_udp_packets.json", esp_in_udp_vectors())
    write("ah_packets.json", ah_vectors())
    write("ah_gmac_packets.json", ah_gmac_vectors(), "scapy and OpenSSL")
    write("ipcomp_packets.json", ipcomp_vectors(), f"zlib {zlib.ZLIB_VERSION} and scapy")
