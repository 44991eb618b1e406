// UsualPair: what tunnel_esp.cpp does to each packet of a pair of SAs that is_usual(): where everything stands is
// known, and what is fixed has been put together beforehand (sa/tunnel_in_esp.h).
//
//   [outer IP, 20 or 40 | SPI, sequence, 8 | IV, 8 | IP | payload | padding, pad length, next header | ICV]
#pragma once

#include <array>
#include <bit>
#include <cstring>

#include <rte_mbuf.h>

#include "crypto/crypto_engine.h"
#include "packet/burst.h"
#include "packet/checksum.h"
#include "packet/ip_packet.h"
#include "sa/tunnel_in_esp.h"
#include "transform/esp_layout.h"
#include "transform/step_burst.h"
#include "transform/tunnel_header.h"

namespace spigrp {

namespace detail {

inline constexpr uint32_t kUsualBlockBytes = 4;

// Padding, pad length and next header as they lie behind a packet, by pad length and whether that packet is IPv6. What
// is behind them belongs to the ICV, which has 8 bytes at least.
inline constexpr auto kUsualTrailers = [] {
  std::array<std::array<uint64_t, kUsualBlockBytes>, 2> trailers{};
  for (const bool is_ipv6 : {false, true}) {
    for (unsigned pad = 0; pad < kUsualBlockBytes; ++pad) {
      const uint64_t padding = 0x030201u & ((1u << 8 * pad) - 1);
      const uint64_t next_header = is_ipv6 ? kProtocolIpv6 : kProtocolIpip;
      trailers[is_ipv6][pad] = padding | (pad | next_header << 8) << 8 * pad;
    }
  }
  return trailers;
}();

template <class T>
T loaded(const uint8_t* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

// The first eight bytes of a header as a family has them; of one of the other family what of them can be copied. IPv6
// is not fragmented on its way (RFC 8200 section 5).
template <Family family>
uint64_t front_as(const uint8_t* header, bool is_ipv6) noexcept {
  if (is_ipv6 == (family == Family::kIpv6)) [[likely]]
    return loaded<uint64_t>(header);
  if constexpr (family == Family::kIpv4) {
    const uint64_t flags = be16::from_host(kIpv4DontFragment).wire;
    return uint64_t{traffic_class_of(header, Family::kIpv6)} << 8 | flags << 48;
  }
  const uint64_t tos = header[offsetof(Ipv4Header, tos)];
  return tos >> 4 | (tos & 0xf) << 12;
}

}  // namespace detail

template <Family outer_family>
class UsualPair {
 public:
  static constexpr uint32_t kOuterBytes = fixed_header_bytes(outer_family);
  static constexpr uint32_t kHeadBytes = sizeof(EspHeader) + kCountedIvBytes;
  static constexpr uint32_t kFrontBytes = kOuterBytes + kHeadBytes;

  explicit UsualPair(const TunnelInEsp& pair) noexcept : pair_(pair), is_extended_(pair.is_extended()) {}

  // All but what the cipher and the authenticator do; makes the job that does that.
  void put_headers(const BurstEntry& entry, UnsentBytes& unsent, CryptoJob& job) noexcept {
    rte_mbuf* packet = entry.packet;
    const uint64_t sequence = entry.sequence;
    auto* inner = rte_pktmbuf_mtod(packet, uint8_t*);
    const uint32_t inner_bytes = rte_pktmbuf_pkt_len(packet);
    const bool is_ipv6 = inner[0] >> 4 != 4;
    const uint32_t pad_bytes = -(inner_bytes + static_cast<uint32_t>(sizeof(EspTrailer))) & (kBlockBytes - 1);
    const uint32_t text_bytes = inner_bytes + pad_bytes + static_cast<uint32_t>(sizeof(EspTrailer));
    const uint32_t total_bytes = kFrontBytes + text_bytes + pair_.icv_bytes;
    packet->data_off = static_cast<uint16_t>(packet->data_off - kFrontBytes);
    packet->pkt_len = total_bytes;
    packet->data_len = static_cast<uint16_t>(total_bytes);
    bytes_ += inner_bytes;
    ++packets_;

    std::memcpy(inner + inner_bytes, &detail::kUsualTrailers[is_ipv6][pad_bytes], sizeof(uint64_t));
    const be64 iv = be64::from_host(sequence ^ pair_.iv_offset);
    put_outer(inner - kFrontBytes, detail::front_as<outer_family>(inner, is_ipv6), total_bytes, iv);
    uint8_t* start = inner - kHeadBytes;
    const be32 low = be32::from_host(static_cast<uint32_t>(sequence));
    const uint64_t head = pair_.spi.wire | uint64_t{low.wire} << 32;  // one store: it is read as one, as AAD
    std::memcpy(start, &head, sizeof(head));
    std::memcpy(start + sizeof(head), &iv, sizeof(iv));
    fill(job, unsent, start, text_bytes, sequence);
  }

  // Lengths and replay, before any key is touched; the job that does the rest. `newest`: the highest number received.
  Verdict begin(BurstEntry& entry, uint64_t newest, CryptoJob& job, UnsentBytes& unsent) const noexcept {
    const uint32_t fixed_bytes = kFrontBytes + pair_.icv_bytes, bytes = rte_pktmbuf_pkt_len(entry.packet);
    if (bytes < fixed_bytes + sizeof(EspTrailer)) return DropReason::runt;
    if (((bytes - fixed_bytes) & (kBlockBytes - 1)) != 0) return DropReason::bad_length;
    auto* start = rte_pktmbuf_mtod_offset(entry.packet, uint8_t*, kOuterBytes);
    const uint32_t low = be32{detail::loaded<uint32_t>(start + offsetof(EspHeader, sequence))}.host();
    entry.sequence = is_extended_ ? pair_.esp->replay.extended(low, newest) : low;
    if (entry.sequence <= newest) [[unlikely]] {
      if (const Verdict verdict = StepBurst::check_replay_behind(entry); !verdict.kept()) return verdict;
    }
    fill(job, unsent, start, bytes - fixed_bytes, entry.sequence);
    return Verdict::keep();
  }

  // It has an ICV.
  Verdict advance_replay(const BurstEntry& entry, Writers writers) const noexcept {
    return StepBurst::advance_window(entry, writers);
  }

  // Of a packet that is authentic and no replay: takes all off that is in front of the inner packet and behind it, and
  // reads that one's header. The tunnel's and ESP's drops are counted in their own SA.
  Verdict finish(BurstEntry& entry, IpPacket& inner) noexcept {
    rte_mbuf* packet = entry.packet;
    const auto* outer = rte_pktmbuf_mtod(packet, const uint8_t*);
    const uint32_t text_bytes = rte_pktmbuf_pkt_len(packet) - kFrontBytes - pair_.icv_bytes;
    EspTrailer trailer;
    if (const Verdict sound = read_usual_trailer(outer + kFrontBytes, text_bytes, trailer); !sound.kept()) return sound;
    const uint32_t inner_bytes = text_bytes - static_cast<uint32_t>(sizeof(trailer)) - trailer.pad_length;
    bytes_ += inner_bytes;
    ++packets_;
    if (const Verdict verdict = take_off(packet, outer, trailer.next_header, inner_bytes, inner); !verdict.kept())
        [[unlikely]] {
      entry.sa = pair_.tunnel;
      refused_bytes_ += inner_bytes;
      ++refused_packets_;
      return verdict;
    }
    return Verdict::keep();
  }

  void note_uses(const WorkerContext& context) const noexcept {
    if (packets_ == 0) return;
    note(*pair_.esp, {packets_, bytes_ + packets_ * kOuterBytes}, context);
    if (packets_ == refused_packets_) [[unlikely]]
      return;
    note(*pair_.tunnel, {packets_ - refused_packets_, bytes_ - refused_bytes_}, context);
  }

 private:
  static constexpr uint32_t kBlockBytes = detail::kUsualBlockBytes;

  void note(Sa& sa, const Uses& uses, const WorkerContext& context) const noexcept {
    context.note_use(sa, uses.packets, uses.bytes, pair_.expires);
    if (pair_.expires) [[unlikely]]
      StepBurst::take_from_lifetime(sa, uses, context);
  }

  void put_outer(uint8_t* outer, uint64_t inner_front, uint32_t total_bytes, be64 iv) const noexcept {
    const uint64_t front = pair_.outer_front | (inner_front & pair_.copied_front);
    if constexpr (outer_family == Family::kIpv4) {
      put_outer_ipv4(outer, front, total_bytes, iv);
    } else {
      const uint64_t length = be16::from_host(static_cast<uint16_t>(total_bytes - kOuterBytes)).wire;
      const uint64_t first = front | length << 8 * offsetof(Ipv6Header, payload_length);
      std::memcpy(outer, &first, sizeof(first));
      std::memcpy(outer + sizeof(first), pair_.tunnel->tunnel.ipv6.source.data(), kOuterBytes - sizeof(first));
    }
  }

  // In registers, so that the checksum does not wait for what has just been stored. The identification is the end of
  // the IV: identification_of().
  void put_outer_ipv4(uint8_t* outer, uint64_t front, uint32_t total_bytes, be64 iv) const noexcept {
    const uint64_t length = be16::from_host(static_cast<uint16_t>(total_bytes)).wire,
                   addresses = pair_.outer_ipv4_addresses;
    const uint64_t first = front | length << 16 | (iv.wire >> 48) << 32;
    const uint32_t third = pair_.outer_ttl | uint32_t{kProtocolEsp} << 8;
    const uint64_t sum = (first & UINT32_MAX) + (first >> 32) + third + (addresses & UINT32_MAX) + (addresses >> 32);
    const uint32_t checked = third | uint32_t{static_cast<uint16_t>(~detail::fold_sum(sum))} << 16;
    std::memcpy(outer, &first, sizeof(first));
    std::memcpy(outer + 8, &checked, sizeof(checked));
    std::memcpy(outer + 12, &addresses, sizeof(addresses));
  }

  // Whether source and destination are the SA's; the family has been seen to be.
  bool is_between_right_addresses(const uint8_t* outer) const noexcept {
    if constexpr (outer_family == Family::kIpv4) {
      return detail::loaded<uint64_t>(outer + offsetof(Ipv4Header, source)) == pair_.outer_ipv4_addresses;
    }
    const auto& wanted = pair_.tunnel->tunnel.ipv6;
    return std::memcmp(outer + offsetof(Ipv6Header, source), wanted.source.data(), 32) == 0;
  }

  // The job over an ESP header and the `text_bytes` that lie behind its IV.
  void fill(CryptoJob& job, UnsentBytes& unsent, uint8_t* start, uint32_t text_bytes,
            uint64_t sequence) const noexcept {
    job.keys = pair_.keys;
    job.cipher_start = start + kHeadBytes;
    job.cipher_bytes = text_bytes;
    job.iv = start + sizeof(EspHeader);
    job.auth_start = start;
    job.auth_bytes = sizeof(EspHeader);
    job.icv = start + kHeadBytes + text_bytes;
    if (!is_extended_) return;
    unsent.aad = {pair_.spi, upper_half(sequence), be32::from_host(static_cast<uint32_t>(sequence))};
    job.auth_start = reinterpret_cast<const uint8_t*>(&unsent.aad);
    job.auth_bytes = sizeof(unsent.aad);
  }

  // read_trailer(); what others of our kind send is seen by one comparison.
  static Verdict read_usual_trailer(const uint8_t* text, uint32_t text_bytes, EspTrailer& trailer) noexcept {
    const uint8_t* end = text + text_bytes;
    std::memcpy(&trailer, end - sizeof(trailer), sizeof(trailer));
    const bool is_ipv6 = trailer.next_header == kProtocolIpv6;
    const uint32_t pad_bytes = trailer.pad_length;
    if (pad_bytes < kBlockBytes) [[likely]] {
      // Headers and IV are in front of the text, so that eight bytes can be read whatever it has.
      const uint64_t found = detail::loaded<uint64_t>(end - sizeof(uint64_t)) >> 8 * (6 - pad_bytes);
      const bool is_long_enough = text_bytes >= pad_bytes + sizeof(trailer);
      if (is_long_enough && found == detail::kUsualTrailers[is_ipv6][pad_bytes]) return Verdict::keep();
    }
    return read_trailer(text, text_bytes, trailer);
  }

  Verdict take_off(rte_mbuf* packet, const uint8_t* outer, uint8_t next_header, uint32_t inner_bytes,
                   IpPacket& inner) const noexcept {
    if (!is_tunnel_protocol(next_header)) return DropReason::group_mismatch;
    if (!is_between_right_addresses(outer)) return DropReason::tunnel_mismatch;
    const uint8_t outer_class = detail::traffic_class_of(outer, outer_family);
    packet->data_off = static_cast<uint16_t>(packet->data_off + kFrontBytes);
    packet->pkt_len = inner_bytes;
    packet->data_len = static_cast<uint16_t>(inner_bytes);
    const bool is_usual =
        next_header == kProtocolIpip ? read_usual_ipv4(packet, inner) : read_usual_ipv6(packet, inner);
    if (!is_usual) [[unlikely]] {
      const Verdict sound = check_tunnelled(outer + kFrontBytes, tunnelled_family(next_header), inner_bytes);
      if (!sound.kept()) return sound;
      if (const auto wrong = read_ip(packet, inner)) return *wrong;
    }
    return join_ecn_of(packet, inner.family, outer_class);
  }

  const TunnelInEsp& pair_;
  const bool is_extended_;
  // Of what ESP let pass; inbound, of that what the tunnel refused.
  uint64_t bytes_ = 0, refused_bytes_ = 0;
  uint32_t packets_ = 0, refused_packets_ = 0;
};

}  // namespace spigrp
