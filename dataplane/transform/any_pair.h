// AnyPair: what tunnel_esp.cpp does to each packet of a pair of SAs of any kind (sa/tunnel_in_esp.h): all is asked of
// the two SAs.
#pragma once

#include <cstring>

#include <rte_mbuf.h>

#include "crypto/crypto_engine.h"
#include "packet/burst.h"
#include "packet/ip_packet.h"
#include "sa/tunnel_in_esp.h"
#include "transform/esp_layout.h"
#include "transform/step_burst.h"
#include "transform/transform.h"
#include "transform/tunnel_header.h"

namespace spigrp {

class AnyPair {
 public:
  // Outbound `random_ivs` has one for each packet of an SA that takes them.
  explicit AnyPair(const TunnelInEsp& pair, const uint8_t* random_ivs = nullptr) noexcept
      : esp_(*pair.esp),
        tunnel_(*pair.tunnel),
        random_iv_(random_ivs),
        outer_bytes_(fixed_header_bytes(tunnel_.tunnel.family)),
        head_bytes_(head_bytes(esp_)),
        fixed_bytes_(outer_bytes_ + uint32_t{head_bytes_} + esp_.icv_bytes) {}

  // All but what the cipher and the authenticator do; makes the job that does that.
  void put_headers(BurstEntry& entry, UnsentBytes& unsent, CryptoJob& job) noexcept {
    rte_mbuf* packet = entry.packet;
    auto* inner = rte_pktmbuf_mtod(packet, uint8_t*);
    const Family inner_family = family_of(packet);
    const uint32_t inner_bytes = rte_pktmbuf_pkt_len(packet);
    const uint32_t pad_bytes = padding_bytes(esp_, inner_bytes);
    const uint32_t text_bytes = inner_bytes + pad_bytes + static_cast<uint32_t>(sizeof(EspTrailer));
    const uint32_t payload_bytes = head_bytes_ + text_bytes + esp_.icv_bytes;
    count(tunnel_uses_, inner_bytes);
    count(esp_uses_, outer_bytes_ + inner_bytes);

    packet->data_off = static_cast<uint16_t>(packet->data_off - head_bytes_ - outer_bytes_);
    packet->pkt_len = outer_bytes_ + payload_bytes;
    packet->data_len = static_cast<uint16_t>(packet->pkt_len);
    put_trailer(esp_, reinterpret_cast<char*>(inner + inner_bytes), pad_bytes, tunnel_protocol(inner_family));
    uint8_t* start = inner - head_bytes_;
    put_tunnel_header(start - outer_bytes_, tunnel_.tunnel, {inner, inner_family, kProtocolEsp, payload_bytes},
                      identification_of(esp_, entry.sequence));
    const be32 sequence = be32::from_host(static_cast<uint32_t>(entry.sequence));
    const uint64_t both = esp_.spi.wire | uint64_t{sequence.wire} << 32;  // one store: it is read as one, as AAD
    std::memcpy(start, &both, sizeof(both));
    entry.sa = &esp_;
    put_iv(entry, random_iv_, start + sizeof(EspHeader));
    random_iv_ += takes_random_iv(esp_) ? kRandomIvBytes : 0;
    make_job<Purpose::kProtect>(entry, reinterpret_cast<EspHeader*>(start), text_bytes, unsent, job);
  }

  // Lengths and replay, before any key is touched; the job that does the rest. `newest`: the highest number received.
  Verdict begin(BurstEntry& entry, uint64_t newest, CryptoJob& job, UnsentBytes& unsent) const noexcept {
    const uint32_t bytes = rte_pktmbuf_pkt_len(entry.packet);
    if (bytes < fixed_bytes_ + sizeof(EspTrailer)) return DropReason::runt;
    if (((bytes - fixed_bytes_) & (esp_.block_bytes - 1u)) != 0) return DropReason::bad_length;
    auto* header = rte_pktmbuf_mtod_offset(entry.packet, EspHeader*, outer_bytes_);
    const Verdict verdict = StepBurst::check_replay(entry, header->sequence.host(), newest);
    if (!verdict.kept()) return verdict;
    make_job<Purpose::kVerify>(entry, header, bytes - fixed_bytes_, unsent, job);
    return Verdict::keep();
  }

  Verdict advance_replay(const BurstEntry& entry, Writers writers) const noexcept {
    return StepBurst::advance_replay(entry, writers);
  }

  // Of a packet that is authentic and no replay: takes all off that is in front of the inner packet and behind it, and
  // reads that one's header. The tunnel's and ESP's drops are counted in their own SA.
  Verdict finish(BurstEntry& entry, IpPacket& inner) noexcept {
    rte_mbuf* packet = entry.packet;
    const uint32_t front_bytes = outer_bytes_ + uint32_t{head_bytes_};
    const uint32_t text_bytes = rte_pktmbuf_pkt_len(packet) - fixed_bytes_;
    const auto* outer = rte_pktmbuf_mtod(packet, const uint8_t*);
    EspTrailer trailer;
    if (const Verdict sound = read_trailer(outer + front_bytes, text_bytes, trailer); !sound.kept()) return sound;
    const uint32_t inner_bytes = text_bytes - static_cast<uint32_t>(sizeof(trailer)) - trailer.pad_length;
    count(esp_uses_, outer_bytes_ + inner_bytes);
    entry.sa = &tunnel_;
    if (!is_tunnel_protocol(trailer.next_header)) return DropReason::group_mismatch;
    if (!has_addresses_of(tunnel_, outer)) return DropReason::tunnel_mismatch;
    const uint8_t outer_class = detail::traffic_class_of(outer, tunnel_.tunnel.family);
    packet->data_off = static_cast<uint16_t>(packet->data_off + front_bytes);
    packet->pkt_len = inner_bytes;
    packet->data_len = static_cast<uint16_t>(inner_bytes);
    const Family announced = tunnelled_family(trailer.next_header);
    if (const Verdict sound = check_tunnelled(outer + front_bytes, announced, inner_bytes); !sound.kept()) return sound;
    if (const auto wrong = read_ip(packet, inner)) return *wrong;
    const Verdict verdict = join_ecn_of(packet, inner.family, outer_class);
    if (verdict.kept()) count(tunnel_uses_, inner_bytes);
    return verdict;
  }

  const uint8_t* random_ivs() const noexcept { return random_iv_; }  // those that are left
  void note_uses(const WorkerContext& context) const noexcept {
    StepBurst::note_uses_of(esp_, esp_uses_, context);
    StepBurst::note_uses_of(tunnel_, tunnel_uses_, context);
  }

 private:
  static void count(Uses& uses, uint32_t packet_bytes) noexcept {
    ++uses.packets;
    uses.bytes += packet_bytes;
  }

  Sa& esp_;
  Sa& tunnel_;
  const uint8_t* random_iv_;
  const uint16_t outer_bytes_, head_bytes_;
  const uint32_t fixed_bytes_;  // all but the text
  Uses esp_uses_{}, tunnel_uses_{};
};

}  // namespace spigrp
