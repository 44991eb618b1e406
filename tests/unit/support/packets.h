// Packet buffers for tests: a small pool, mbufs made from bytes (whole, in segments, shared), and IP packets built
// field by field. Checksums here are added up word by word, not by the code under test.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <rte_mbuf.h>

#include "packet/headers.h"

namespace spigrp::test {

using Bytes = std::vector<uint8_t>;

inline constexpr uint16_t kHeadroomBytes = RTE_PKTMBUF_HEADROOM;
inline constexpr uint16_t kBufferBytes = 4096;

// One pool for all tests of a runner. Every test must give back what it takes: see BuffersAreGivenBack.
inline rte_mempool* packet_pool() {
  static rte_mempool* pool = rte_pktmbuf_pool_create("test_packets", 1023, 0, 0, kBufferBytes, 0);
  return pool;
}

// Fixture: no packet buffer is lost or freed twice by a test.
struct BuffersAreGivenBack {
  unsigned in_use_before = rte_mempool_in_use_count(packet_pool());
  ~BuffersAreGivenBack() {
    if (rte_mempool_in_use_count(packet_pool()) != in_use_before) {
      BOOST_ERROR("packet buffers in use: " << rte_mempool_in_use_count(packet_pool()) << ", before the test "
                                            << in_use_before);
    }
  }
};

inline Bytes from_hex(std::string_view text) {
  Bytes bytes;
  int high = -1;
  for (char c : text) {
    if (c == ' ' || c == '\n') continue;
    const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    if (high < 0) {
      high = digit;
    } else {
      bytes.push_back(static_cast<uint8_t>(high << 4 | digit));
      high = -1;
    }
  }
  return bytes;
}

// As bytes, so that they are copied all at once where nothing is optimized.
inline uint8_t* append(rte_mbuf* packet, size_t bytes) {
  return reinterpret_cast<uint8_t*>(rte_pktmbuf_append(packet, static_cast<uint16_t>(bytes)));
}

inline rte_mbuf* packet_from(std::span<const uint8_t> bytes) {
  rte_mbuf* packet = rte_pktmbuf_alloc(packet_pool());
  std::copy(bytes.begin(), bytes.end(), append(packet, bytes.size()));
  return packet;
}

// An mbuf over memory that is not one byte longer than the packet, for readers only: the address sanitizer sees each
// byte that is read beyond it.
class ExactPacket {
 public:
  explicit ExactPacket(const Bytes& bytes) : memory_(std::make_unique<uint8_t[]>(bytes.size())) {
    std::copy(bytes.begin(), bytes.end(), memory_.get());
    mbuf_.buf_addr = memory_.get();
    mbuf_.buf_len = mbuf_.data_len = static_cast<uint16_t>(bytes.size());
    mbuf_.pkt_len = mbuf_.data_len;
    mbuf_.nb_segs = 1;
  }
  rte_mbuf* get() { return &mbuf_; }

 private:
  std::unique_ptr<uint8_t[]> memory_;
  rte_mbuf mbuf_{};
};

// The first segment holds `first_bytes` of them, the others up to `other_bytes` each.
inline rte_mbuf* chained_packet_from(std::span<const uint8_t> bytes, size_t first_bytes, size_t other_bytes) {
  rte_mbuf* packet = packet_from(bytes.first(first_bytes));
  for (size_t at = first_bytes; at < bytes.size(); at += other_bytes) {
    rte_pktmbuf_chain(packet, packet_from(bytes.subspan(at, std::min(other_bytes, bytes.size() - at))));
  }
  return packet;
}

inline Bytes bytes_of(const rte_mbuf* packet) {
  Bytes bytes;
  for (; packet != nullptr; packet = packet->next) {
    const auto* data = rte_pktmbuf_mtod(packet, const uint8_t*);
    bytes.insert(bytes.end(), data, data + rte_pktmbuf_data_len(packet));
  }
  return bytes;
}

inline Bytes counted_bytes(size_t size, uint8_t first = 0) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(first + i);
  return bytes;
}

inline Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline void put16(Bytes& bytes, size_t at, unsigned value) {
  bytes[at] = static_cast<uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<uint8_t>(value);
}

// RFC 1071 as it is written: 16-bit words, end-around carry. By a pointer, for where nothing is optimized.
inline uint16_t plain_checksum(std::span<const uint8_t> bytes) {
  uint32_t sum = 0;
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 2; left -= 2, at += 2) sum += static_cast<uint32_t>(at[0] << 8 | at[1]);
  if (left == 1) sum += static_cast<uint32_t>(at[0] << 8);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

inline void set_ipv4_checksum(Bytes& packet) {
  const size_t header_bytes = (packet[0] & 0xf) * 4u;
  put16(packet, 10, 0);
  put16(packet, 10, plain_checksum(std::span(packet).first(header_bytes)));
}

struct Ipv4Fields {
  uint8_t protocol = kProtocolUdp;
  uint8_t tos = 0;
  uint16_t identification = 0x1234;
  uint16_t flags_fragment = 0;
  uint8_t ttl = 64;
  std::array<uint8_t, 4> source{10, 0, 0, 1};
  std::array<uint8_t, 4> destination{10, 0, 1, 2};
  Bytes options{};  // a multiple of 4 bytes
};

inline Bytes ipv4_packet(const Ipv4Fields& fields, const Bytes& payload) {
  Bytes packet(20);
  packet[0] = static_cast<uint8_t>(0x40 | (20 + fields.options.size()) / 4);
  packet[1] = fields.tos;
  put16(packet, 4, fields.identification);
  put16(packet, 6, fields.flags_fragment);
  packet[8] = fields.ttl;
  packet[9] = fields.protocol;
  std::copy(fields.source.begin(), fields.source.end(), packet.begin() + 12);
  std::copy(fields.destination.begin(), fields.destination.end(), packet.begin() + 16);
  packet = packet + fields.options + payload;
  put16(packet, 2, static_cast<unsigned>(packet.size()));
  set_ipv4_checksum(packet);
  return packet;
}

struct Ipv6Fields {
  uint8_t next_header = kProtocolUdp;
  uint8_t traffic_class = 0;
  uint32_t flow_label = 0;
  uint8_t hop_limit = 64;
  std::array<uint8_t, 16> source{0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  std::array<uint8_t, 16> destination{0x20, 0x01, 0x0d, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
};

// `payload` begins with the extension headers, if any.
inline Bytes ipv6_packet(const Ipv6Fields& fields, const Bytes& payload) {
  Bytes packet(40);
  packet[0] = static_cast<uint8_t>(0x60 | fields.traffic_class >> 4);
  packet[1] = static_cast<uint8_t>(fields.traffic_class << 4 | (fields.flow_label >> 16 & 0xf));
  put16(packet, 2, fields.flow_label & 0xffff);
  put16(packet, 4, static_cast<unsigned>(payload.size()));
  packet[6] = fields.next_header;
  packet[7] = fields.hop_limit;
  std::copy(fields.source.begin(), fields.source.end(), packet.begin() + 8);
  std::copy(fields.destination.begin(), fields.destination.end(), packet.begin() + 24);
  return packet + payload;
}

// An extension header of `bytes` bytes (a multiple of 8), filled with one PadN option.
inline Bytes extension_header(uint8_t next_header, size_t bytes = 8) {
  Bytes header(bytes);
  header[0] = next_header;
  header[1] = static_cast<uint8_t>(bytes / 8 - 1);
  header[2] = 1;
  header[3] = static_cast<uint8_t>(bytes - 4);
  return header;
}

// One fragment as its receiver reads it.
struct ReadFragment {
  Bytes header;  // IP header and options, or the fixed IPv6 header without the fragment header
  Bytes payload;
  size_t offset_bytes;
  bool is_last;
  uint32_t identification;
};

inline ReadFragment read_fragment(const Bytes& packet) {
  const auto word = [&](size_t at) { return static_cast<size_t>(packet[at] << 8 | packet[at + 1]); };
  const auto from = [&](size_t at) { return packet.begin() + static_cast<long>(at); };
  if (packet[0] >> 4 == 4) {
    const size_t header_bytes = (packet[0] & 0xf) * 4u;
    return {Bytes(packet.begin(), from(header_bytes)), Bytes(from(header_bytes), packet.end()), (word(6) & 0x1fff) * 8,
            (word(6) & 0x2000) == 0, static_cast<uint32_t>(word(4))};
  }
  Bytes header(packet.begin(), from(40));
  header[6] = packet[40];
  return {header, Bytes(from(48), packet.end()), word(42) & 0xfff8, (word(42) & 1) == 0,
          static_cast<uint32_t>(word(44) << 16 | word(46))};
}

// The packet that fragments make; empty where they leave a hole, overlap or are of several packets.
inline Bytes joined(const std::vector<Bytes>& packets) {
  std::vector<ReadFragment> fragments;
  for (const Bytes& packet : packets) fragments.push_back(read_fragment(packet));
  std::sort(fragments.begin(), fragments.end(),
            [](const ReadFragment& a, const ReadFragment& b) { return a.offset_bytes < b.offset_bytes; });
  if (fragments.empty() || !fragments.back().is_last) return {};
  Bytes payload;
  for (const ReadFragment& fragment : fragments) {
    if (fragment.offset_bytes != payload.size() || fragment.identification != fragments[0].identification) return {};
    payload.insert(payload.end(), fragment.payload.begin(), fragment.payload.end());
  }
  Bytes whole = fragments[0].header + payload;
  if (whole[0] >> 4 == 4) {
    put16(whole, 2, static_cast<unsigned>(whole.size()));
    put16(whole, 6, 0);
    set_ipv4_checksum(whole);
  } else {
    put16(whole, 4, static_cast<unsigned>(payload.size()));
  }
  return whole;
}

inline Bytes udp_datagram(uint16_t source_port, uint16_t destination_port, const Bytes& payload) {
  Bytes datagram(8);
  put16(datagram, 0, source_port);
  put16(datagram, 2, destination_port);
  put16(datagram, 4, static_cast<unsigned>(8 + payload.size()));
  return datagram + payload;
}

}  // namespace spigrp::test
