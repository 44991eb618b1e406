// See receive.h.
#include "engine/receive.h"

#include <cstring>

#include <rte_mbuf.h>

#include "packet/buffer.h"
#include "state/prefetch.h"

namespace spigrp {
namespace {

// The first six bytes of a frame, in one word that an address is compared with at once.
uint64_t word_of(const uint8_t* front) noexcept {
  uint64_t word;
  std::memcpy(&word, front, sizeof(word));
  return word << 16;
}

uint64_t word_of(const MacAddress& mac) noexcept {
  uint8_t front[sizeof(uint64_t)]{};
  std::memcpy(front, mac.data(), mac.size());
  return word_of(front);
}

// Of the address that begins there: broadcast or multicast.
bool is_for_many(const uint8_t* address) noexcept {
  return (address[0] & 1) != 0;
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
    if (rte_pktmbuf_data_len(frame) < sizeof(EthernetHeader)) return context_.drop(frame, DropReason::runt);
    const auto& ethernet = *rte_pktmbuf_mtod(frame, const EthernetHeader*);
    const auto* front = reinterpret_cast<const uint8_t*>(&ethernet);
    const bool to_everyone = word_of(front) != own_mac_;
    if (to_everyone && !is_for_many(front)) return context_.drop(frame, DropReason::not_for_us);
    const be16 ether_type = ethernet.ether_type;
    rte_pktmbuf_adj(frame, sizeof(EthernetHeader));
    PlainPacket& plain = plain_.packets[plain_.count];  // if it is one
    if (ether_type == be16::from_host(kEtherTypeIpv4)) [[likely]] {
      if (read_usual_ipv4(frame, plain.ip)) [[likely]]
        return push(frame, plain, to_everyone);
      take_ip(frame, plain, Family::kIpv4, to_everyone);
    } else if (ether_type == be16::from_host(kEtherTypeIpv6)) {
      if (read_usual_ipv6(frame, plain.ip)) [[likely]]
        return push(frame, plain, to_everyone);
      take_ip(frame, plain, Family::kIpv6, to_everyone);
    } else if (ether_type == be16::from_host(kEtherTypeArp)) {
      transmitter_.punt({frame, {}, port_index_, PuntKind::kArp, Passage::kOwn});
    } else {
      context_.drop(frame, DropReason::unknown_ether_type);
    }
  }

 private:
  void take_ip(rte_mbuf* packet, PlainPacket& plain, Family family, bool to_everyone) noexcept {
    if (const auto wrong = read_ip(packet, plain.ip)) return context_.drop(packet, *wrong);
    if (plain.ip.family != family) return context_.drop(packet, DropReason::malformed);
    push(packet, plain, to_everyone);
  }

  // `plain` is where it goes, and its header has been read there.
  void push(rte_mbuf* packet, PlainPacket& plain, bool to_everyone) noexcept {
    trim_packet(packet, plain.ip.total_bytes);
    if (!is_ours_alone(packet)) [[unlikely]] {
      rte_mbuf* own = make_writable(packet, sizeof(EthernetHeader), 0, context_.buffers());
      if (own == nullptr) return context_.drop(packet, DropReason::no_room);
      packet = own;
    }
    ++plain_.count;
    plain.packet = packet;
    plain.port = port_index_;
    plain.origin = Origin::kWire;
    plain.removed = 0;
    plain.group = nullptr;
    plain.to_everyone = to_everyone;
    plain.was_protected = false;
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
    if (i + kAhead < count) spigrp::prefetch(rte_pktmbuf_mtod(frames[i + kAhead], const void*));
    reception.take(frames[i]);
  }
}

}  // namespace spigrp
