// UsualAh: what usual_ah_bursts.cpp does to each packet of an AH SA whose IP header has no options and no extension
// headers, so that where everything stands is known (plain_header.h).
//
//   [IP, 20 or 40 | next header, length, SPI, sequence, 12 | IV, if any | ICV, padding | payload]
#pragma once

#include <cstring>

#include <rte_mbuf.h>

#include "crypto/crypto_engine.h"
#include "packet/burst.h"
#include "packet/ip_packet.h"
#include "sa/sa.h"
#include "transform/ah_layout.h"
#include "transform/plain_header.h"
#include "transform/step_burst.h"

namespace spigrp {

// What has to survive the computation, by the packet's place in the burst.
struct UsualAside {
  alignas(8) uint8_t front[12];  // of the IP header: HeaderFront
  uint8_t icv[kMaxIcvBytes];     // as it came
};

namespace detail {

inline constexpr size_t kUsualIcvBytes = 16;  // HMAC-SHA2-256 and GMAC: a length that is known is copied in one piece

inline void copy_icv(uint8_t* to, const uint8_t* from, size_t bytes) noexcept {
  if (bytes == kUsualIcvBytes) [[likely]] {
    std::memcpy(to, from, kUsualIcvBytes);
  } else {
    std::memcpy(to, from, bytes);
  }
}

inline void zero_icv(uint8_t* icv, size_t bytes) noexcept {
  if (bytes == kUsualIcvBytes) [[likely]] {
    std::memset(icv, 0, kUsualIcvBytes);
  } else {
    std::memset(icv, 0, bytes);
  }
}

}  // namespace detail

template <Family family>
class UsualAh {
 public:
  static constexpr uint32_t kIpBytes = fixed_header_bytes(family);
  static constexpr uint32_t kIvOffset = kIpBytes + sizeof(AhHeader);

  explicit UsualAh(const Sa& sa) noexcept
      : sa_(sa),
        ah_bytes_(sa.ah_header_bytes),
        length_field_(ah_length_field(sa)),
        is_extended_(sa.extended_sequence) {}

  uint32_t ah_bytes() const noexcept { return ah_bytes_; }

  // Outbound: it is usual.
  bool can_be_put_into(const rte_mbuf* packet) const noexcept {
    IpPacket ip;
    const bool is_usual = family == Family::kIpv4 ? read_usual_ipv4(packet, ip) : read_usual_ipv6(packet, ip);
    return is_usual && packet->nb_segs == 1 && rte_pktmbuf_pkt_len(packet) == ip.total_bytes &&
           ip.total_bytes + sa_.overhead.head_bytes + sa_.overhead.tail_bytes <= kMostBytes &&
           rte_pktmbuf_headroom(packet) >= sa_.overhead.head_bytes &&
           rte_pktmbuf_tailroom(packet) >= sa_.overhead.tail_bytes;
  }

  // All but the ICV, which the job makes.
  void put(const BurstEntry& entry, UsualAside& aside, CryptoJob& job) const noexcept {
    rte_mbuf* packet = entry.packet;
    auto* const before = rte_pktmbuf_mtod(packet, const uint8_t*);
    uint8_t* const start = rte_pktmbuf_mtod(packet, uint8_t*) - ah_bytes_;
    const uint32_t total_bytes = rte_pktmbuf_pkt_len(packet) + ah_bytes_;
    set_place(packet, packet->data_off - ah_bytes_, total_bytes);
    PlainHeader<family> header(before);
    const uint8_t next_header = header.protocol();
    header.set(total_bytes, kProtocolAh);
    header.front().put(aside.front);
    header.front().covered().put(start);
    header.put_addresses(start);
    const be32 sequence = be32::from_host(static_cast<uint32_t>(entry.sequence));
    const uint64_t first = next_header | uint32_t{length_field_} << 8 | uint64_t{sa_.spi.wire} << 32;
    std::memcpy(start + kIpBytes, &first, sizeof(first));
    std::memcpy(start + kIpBytes + sizeof(first), &sequence, sizeof(sequence));
    detail::zero_icv(start + kIvOffset, ah_bytes_ - sizeof(AhHeader));
    if (sa_.iv_bytes != 0) [[unlikely]] {
      const be64 iv = sa_.counted_iv(entry.sequence);
      std::memcpy(start + kIvOffset, &iv, sizeof(iv));
    }
    make_ah_job(entry, start + kIvOffset, start + kIvOffset + sa_.iv_bytes, job);
  }

  // With its ICV it is complete.
  void finish_put(const BurstEntry& entry, const UsualAside& aside) const noexcept {
    take_upper_half_off(entry);
    HeaderFront<family>::at(aside.front).put(rte_pktmbuf_mtod(entry.packet, uint8_t*));
  }

  // Inbound, of a packet with this header: it is usual.
  bool can_be_taken_off(const rte_mbuf* packet, const IpPacket& ip) const noexcept {
    if (ip.family != family || ip.header_bytes != kIpBytes || ip.next_header != kProtocolAh || ip.is_fragment) {
      return false;
    }
    if (packet->nb_segs != 1 || rte_pktmbuf_pkt_len(packet) != ip.total_bytes) return false;
    if (ip.total_bytes < kIpBytes + ah_bytes_) return false;
    if (is_extended_ && rte_pktmbuf_tailroom(packet) < kUpperSequenceBytes) return false;
    const auto* ah = rte_pktmbuf_mtod_offset(packet, const AhHeader*, kIpBytes);
    return ah->payload_length == length_field_;
  }

  // Replay, before any key is touched; the job that verifies. `newest`: the highest number received.
  Verdict begin(BurstEntry& entry, uint64_t newest, UsualAside& aside, CryptoJob& job) const noexcept {
    auto* start = rte_pktmbuf_mtod(entry.packet, uint8_t*);
    const be32 sequence = reinterpret_cast<const AhHeader*>(start + kIpBytes)->sequence;
    if (const Verdict verdict = StepBurst::check_replay(entry, sequence.host(), newest); !verdict.kept()) [[unlikely]]
      return verdict;
    const auto front = HeaderFront<family>::at(start);
    front.put(aside.front);
    front.covered().put(start);
    uint8_t* icv = start + kIvOffset + sa_.iv_bytes;
    detail::copy_icv(aside.icv, icv, sa_.icv_bytes);
    detail::zero_icv(icv, sa_.icv_bytes);
    make_ah_job(entry, start + kIvOffset, aside.icv, job);
    return Verdict::keep();
  }

  // Leaves the packet as it was before AH, with the fields that the way has changed as they came. `ip` is its header.
  void take_off(rte_mbuf* packet, const UsualAside& aside, IpPacket& ip) const noexcept {
    auto* const before = rte_pktmbuf_mtod(packet, const uint8_t*);
    uint8_t* const start = rte_pktmbuf_mtod(packet, uint8_t*) + ah_bytes_;
    const uint32_t total_bytes = ip.total_bytes - ah_bytes_;
    const uint8_t next_header = before[kIpBytes + offsetof(AhHeader, next_header)];
    set_place(packet, packet->data_off + ah_bytes_, total_bytes);
    PlainHeader<family> header(before, HeaderFront<family>::at(aside.front));
    header.set(total_bytes, next_header);
    header.front().put(start);
    header.put_addresses(start);
    ip.next_header = next_header;
    ip.total_bytes = total_bytes;
  }

 private:
  static constexpr uint32_t kMostBytes = family == Family::kIpv4 ? 65535 : sizeof(Ipv6Header) + 65535;

  static void set_place(rte_mbuf* packet, uint32_t data_off, uint32_t bytes) noexcept {
    packet->data_off = static_cast<uint16_t>(data_off);
    packet->data_len = static_cast<uint16_t>(bytes);
    packet->pkt_len = bytes;
  }

  const Sa& sa_;
  const uint32_t ah_bytes_;
  const uint8_t length_field_;
  const bool is_extended_;
};

}  // namespace spigrp
