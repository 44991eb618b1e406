# tshark as the witness: what it sees in packets that were captured, with the ESP keys where they are given.
import os
import struct
import subprocess
import tempfile

import peer

CIPHERS = {"AES-CBC": "AES-CBC [RFC3602]", "3DES": "TripleDES-CBC [RFC2451]", "NULL": "NULL",
           "AES-GCM": "AES-GCM with 16 octet ICV [RFC4106]"}
AUTHENTICATORS = {"HMAC-MD5-96": "HMAC-MD5-96 [RFC2403]", "HMAC-SHA1-96": "HMAC-SHA-1-96 [RFC2404]",
                  "SHA2-256-128": "HMAC-SHA-256-128 [RFC4868]", "SHA2-384-192": "HMAC-SHA-384-192 [RFC4868]",
                  "SHA2-512-256": "HMAC-SHA-512-256 [RFC4868]", "NULL": "NULL"}


def write_pcap(path, frames):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65536, 1))
        for number, frame in enumerate(frames):
            file.write(struct.pack("<IIII", number, 0, len(frame), len(frame)) + frame)


def key_option(sa):
    """An ESP SA as a row of Wireshark's table of them."""
    key = sa.encryption_key.hex()
    words = ["IPv4" if sa.af == "inet" else "IPv6", "*", "*", f"0x{sa.spi:08x}", CIPHERS[sa.scapy.crypt_algo.name],
             f"0x{key}" if key else "", AUTHENTICATORS[sa.scapy.auth_algo.name],
             f"0x{sa.authentication_key.hex()}" if sa.authentication_key else "", "32-bit", ""]
    return "uat:esp_sa:" + ",".join(f'"{word}"' for word in words)


def fields(packets, names, sas=()):
    """For each IP packet, the values of tshark's fields of these names; a field that occurs twice has its values joined
    by commas. "frame.protocols" is the order of headers: "eth:ethertype:ip:ah:esp:ip:udp:data"."""
    options = ["-o", "esp.enable_encryption_decode:TRUE", "-o", "esp.enable_authentication_check:TRUE",
               "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"]
    for sa in sas:
        if isinstance(sa, peer.Esp):
            options += ["-o", key_option(sa)]
    for name in names:
        options += ["-e", name]
    frames = [bytes(12) + (b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd") + packet for packet in packets]
    with tempfile.TemporaryDirectory() as home:  # nobody's own settings
        write_pcap(f"{home}/capture.pcap", frames)
        result = subprocess.run(["tshark", "-n", "-r", f"{home}/capture.pcap", "-T", "fields", *options], text=True,
                                capture_output=True, env={**os.environ, "HOME": home, "XDG_CONFIG_HOME": home})
    if result.returncode != 0:
        raise RuntimeError(f"tshark: exit {result.returncode}: {result.stderr}")
    return [line.split("\t") for line in result.stdout.splitlines()]
