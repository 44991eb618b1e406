# The packets of bench/wire.py: one flow of UDP, of the sizes of RFC 2544 section 9.1, plain or as the far gateway sends it.
import struct

from wire_gateway import FAR_HOST, LAN_HOST, MACS, OUR_MAC, peer

SIZES = (64, 128, 256, 512, 1024, 1280, 1518)  # of the frame on the LAN, with its checksum
IMIX = (64, 594, 64, 64, 594, 64, 1518, 594, 64, 64, 594, 64)  # 7 : 4 : 1
ETHERNET_BYTES, CHECKSUM_BYTES = 14, 4         # memif carries no frame check sequence
DISTINCT = 64                                  # packets of a size


def inner_packet(frame_bytes, direction, number):
    source, destination = (LAN_HOST, FAR_HOST) if direction == "out" else (FAR_HOST, LAN_HOST)
    length = frame_bytes - ETHERNET_BYTES - CHECKSUM_BYTES
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, length, number, 0, 64, 17, 0,
                         *(bytes(map(int, address.split("."))) for address in (source, destination)))
    header = header[:10] + struct.pack("!H", peer.checksum(header)) + header[12:]
    return header + struct.pack("!HHHH", 1000, 2000, length - 20, 0) + peer.key_bytes("payload", length - 28)


def ports_of(direction):
    """Where packets go in, and where they come out."""
    return ("lan", "wan") if direction == "out" else ("wan", "lan")


def frames(direction, size, inbound):
    """DISTINCT frames of a size, for the port where they go in; `inbound`: the SAs that the far gateway applies."""
    packets = [inner_packet(size, direction, number) for number in range(DISTINCT)]
    if direction == "in":
        packets = [peer.encap(inbound, packet, number + 1) for number, packet in enumerate(packets)]
    return [ethernet(ports_of(direction)[0], packet) for packet in packets]


def mixed(sizes, by_size):
    """Frames of these sizes in turn."""
    return [by_size[size][number % DISTINCT] for number, size in enumerate(sizes if len(sizes) > 1 else sizes * DISTINCT)]


def ethernet(port, packet):
    return bytes.fromhex((MACS[port] + OUR_MAC).replace(":", "")) + b"\x08\x00" + packet


def write_capture(path, all_frames):
    with open(path, "wb") as file:
        file.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for frame in all_frames:
            file.write(struct.pack("=IIII", 0, 0, len(frame), len(frame)) + frame)
