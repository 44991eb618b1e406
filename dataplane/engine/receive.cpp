// See receive.h.
#include "engine/receive.h"

#include <cstring>

#include <rte_mbuf.h>

#include "packet/buffer.h"

namespace spigrp {
namespace {

// The six bytes in one word, so that two addresses are compared at once.
uint64_t word_of(const MacAddress& mac) noexcept {
  uint32_t front;
  uint16_t back;
  std::memcpy(&front, mac.data(), sizeof(front));
  std::memcpy(&back, mac.data() + sizeof(front), sizeof(back));
  return front | uint64_t{back} << 32;
}

class Reception {
 public:
  Reception(WorkerContext& context, const Port& port, uint16_t port_index, Transmitter& transmitter,
            PlainBurst& plain) noexcept
      : context_(context),
        own_mac_(word_of(port.mac())),
        port_index_(port_index),
        transmitter_(transmitter),
        plain_(plain) {}

  void take(rte_mbuf* frame) noexcept {
    const auto* ethernet = header_at<EthernetHeader>(frame, 0);
    if (ethernet == nullptr) return context_.drop(frame, DropReason::runt);
    const bool to_everyone = (ethernet->destination[0] & 1) != 0;
    if (!to_everyone && word_of(ethernet->destination) != own_mac_) return context_.drop(frame, DropReason::not_for_us);
    const uint16_t ether_type = ethernet->ether_type.host();
    rte_pktmbuf_adj(frame, sizeof(EthernetHeader));
    if (ether_type == kEtherTypeIpv4 || ether_type == kEtherTypeIpv6) [[likely]] {
      take_ip(frame, ether_type == kEtherTypeIpv4 ? Family::kIpv4 : Family::kIpv6, to_everyone);
    } else if (ether_type == kEtherTypeArp) {
      transmitter_.punt({frame, {}, port_index_, PuntKind::kArp, Passage::kOwn});
    } else {
      context_.drop(frame, DropReason::unknown_ether_type);
    }
  }

 private:
  void take_ip(rte_mbuf* packet, Family family, bool to_everyone) noexcept {
    const ParsedIp parsed = parse_ip(packet);
    if (!parsed.ok) return context_.drop(packet, parsed.reason);
    if (parsed.ip.family != family) return context_.drop(packet, DropReason::malformed);
    trim_packet(packet, parsed.ip.total_bytes);
    if (!is_ours_alone(packet)) [[unlikely]] {
      rte_mbuf* own = make_writable(packet, sizeof(EthernetHeader), 0, context_.buffers());
      if (own == nullptr) return context_.drop(packet, DropReason::no_room);
      packet = own;
    }
    PlainPacket& plain = plain_.add();
    plain.packet = packet;
    plain.ip = parsed.ip;
    plain.port = port_index_;
    plain.origin = Origin::kWire;
    plain.removed = 0;
    plain.group = nullptr;
    plain.to_everyone = to_everyone;
  }

  WorkerContext& context_;
  uint64_t own_mac_;
  uint16_t port_index_;
  Transmitter& transmitter_;
  PlainBurst& plain_;
};

}  // namespace

void receive_frames(WorkerContext& context, const Port& port, uint16_t port_index, rte_mbuf** frames, uint16_t count,
                    Transmitter& transmitter, PlainBurst& plain) noexcept {
  context.counters->received.add(count);
  Reception reception(context, port, port_index, transmitter, plain);
  constexpr uint16_t kAhead = 4;
  for (uint16_t i = 0; i < count; ++i) {
    if (i + kAhead < count) __builtin_prefetch(rte_pktmbuf_mtod(frames[i + kAhead], const void*));
    reception.take(frames[i]);
  }
}

}  // namespace spigrp
