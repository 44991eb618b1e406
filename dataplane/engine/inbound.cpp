// The way of an inbound packet (docs/architecture.md):
//   1. receive a burst; validate lengths; reassemble fragments addressed to us   receive.cpp, reassembly.cpp
//   2. find the SA by (destination, SPI, protocol), and with it the group; cheap
//      replay check; verify and decrypt the burst                                 find_groups(), transforms
//      (in UDP there are also keepalives and IKE: other_than_esp())
//   3. check and advance the replay window, after authentication                  transforms
//   4. the next header must be the next SA of the group → back to 2               advance()
//   5. when the group is used up: does the packet fit the policy?                 finish(), forwarding.cpp
//   6. forward it (it may itself need an eroute), or deliver it                   forwarding.cpp
// The group is decided by the outermost SA, before anything is removed. From then on only exactly its SAs, in reverse,
// get the packet further, so that nothing passes with less protection than its group has. Only IPComp may be absent
// (RFC 3173 section 2.2): a group with comp outermost is also decided by the SA next to it.
#include "engine/inbound.h"

#include <cstring>
#include <utility>

#include <rte_mbuf.h>

#include "packet/buffer.h"
#include "packet/udp_datagram.h"
#include "transform/ah.h"
#include "transform/step_burst.h"
#include "transform/tunnel_esp.h"

namespace spigrp {
namespace {

bool is_addressed_to(const IpAddress& destination, const rte_mbuf* packet, const IpPacket& ip) noexcept {
  if (ip.family != destination.family) return false;
  const auto* header = rte_pktmbuf_mtod(packet, const uint8_t*);
  if (ip.family == Family::kIpv4) [[likely]]
    return std::memcmp(header + offsetof(Ipv4Header, destination), destination.bytes.data(), 4) == 0;
  return std::memcmp(header + offsetof(Ipv6Header, destination), destination.bytes.data(), 16) == 0;
}

// Of ESP or AH right behind the IP header.
bool has_spi_of(const Sa& sa, const rte_mbuf* packet, const IpPacket& ip) noexcept {
  const bool is_ah = sa.id.protocol == SaProtocol::kAh;
  const size_t least_bytes = is_ah ? sizeof(AhHeader) : sizeof(EspHeader);
  if (ip.payload_bytes() < least_bytes || ip.header_bytes + least_bytes > rte_pktmbuf_data_len(packet)) return false;
  const size_t spi_offset = ip.header_bytes + (is_ah ? offsetof(AhHeader, spi) : offsetof(EspHeader, spi));
  return std::memcmp(rte_pktmbuf_mtod_offset(packet, const uint8_t*, spi_offset), &sa.spi, sizeof(sa.spi)) == 0;
}

// The packet's payload is what `sa` put there; ipcomp.cpp itself sees whether it has put anything there.
bool is_of(const Sa& sa, rte_mbuf* packet, const IpPacket& ip) noexcept {
  if (sa.id.protocol == SaProtocol::kComp) return true;
  if (ip.is_fragment) return false;
  if (sa.id.protocol == SaProtocol::kTunnel) return is_tunnel_protocol(ip.next_header);
  if (!is_addressed_to(sa.id.destination, packet, ip)) return false;
  // esp.cpp sees whether UDP belongs in front of its header.
  if (sa.id.protocol == SaProtocol::kEsp && ip.next_header == kProtocolUdp) {
    const ReceivedSaKey received = received_sa_key(packet, ip);
    return received.ok && received.key.spi == sa.spi;
  }
  const uint8_t protocol = sa.id.protocol == SaProtocol::kAh ? kProtocolAh : kProtocolEsp;
  return ip.next_header == protocol && has_spi_of(sa, packet, ip);
}

bool has_fixed_header_only(const IpPacket& ip) noexcept {
  return ip.header_bytes == fixed_header_bytes(ip.family);
}

// RFC 3948 section 2: why a datagram to one of the ports is not to be taken for ESP; nothing: it is.
std::optional<DropReason> other_than_esp(rte_mbuf* packet, const IpPacket& ip, const UdpPorts& ports) noexcept {
  const ParsedUdp udp = parse_udp(packet, ip);
  if (!udp.ok) return udp.reason;
  if (!ports.has(udp.header->destination_port.host())) return DropReason::local_unhandled;  // was in fragments
  const uint32_t payload_offset = ip.header_bytes + static_cast<uint32_t>(sizeof(UdpHeader));
  if (udp.payload_bytes() == 1 && *header_at<uint8_t>(packet, payload_offset) == kNatKeepalive) {
    return DropReason::nat_keepalive;
  }
  if (udp.payload_bytes() < sizeof(be32)) return DropReason::runt;
  const be32* marker = header_at<be32>(packet, payload_offset);
  if (marker == nullptr) return DropReason::runt;
  if (marker->wire == 0) return DropReason::ike_unhandled;
  return std::nullopt;
}

}  // namespace

// Of a fragment only the first shows a port; the others may be held for nothing, within the bounds of reassembly.
bool is_for_inbound_udp(const Network& network, const PlainPacket& plain) noexcept {
  if (plain.ip.is_fragment && !is_first_fragment(plain.packet, plain.ip)) return true;
  return goes_to_encapsulation_port(network.sas.udp_ports(), plain.packet, plain.ip);
}

void Inbound::run(PlainBurst& plain) noexcept {
  if (arrived_.empty()) return;
  join_fragments();
  find_groups();
  for (bool some_left = true; some_left;) {
    some_left = remove_two(plain);
    for (const SaProtocol protocol : {SaProtocol::kAh, SaProtocol::kEsp, SaProtocol::kComp, SaProtocol::kTunnel}) {
      const auto index = static_cast<size_t>(protocol);
      some_left = remove_one(waiting_[index], kTransforms[index].decap, plain) || some_left;
    }
  }
  arrived_.clear();
}

// What fragments make stands where the last of them came.
void Inbound::join_fragments() noexcept {
  if (!std::exchange(some_fragments_, false)) [[likely]]
    return;
  uint16_t kept = 0;
  for (uint16_t place = 0; place < arrived_.count; ++place) {
    if (arrived_.packets[place].ip.is_fragment) {
      const std::optional<PlainPacket> whole = reassembly_.add(arrived_.packets[place]);
      if (whole) arrived_.packets[kept++] = *whole;
    } else {
      if (kept != place) arrived_.packets[kept] = arrived_.packets[place];
      ++kept;
    }
  }
  arrived_.count = kept;
}

// Groups are begun in the order in which their packets came, however they were found.
void Inbound::find_groups() noexcept {
  FoundGroup found[kBurstCapacity];
  KnownGroups::Wanted wanted[kBurstCapacity];
  for (uint16_t place = 0; place < arrived_.count; ++place) {
    const PlainPacket& arrived = arrived_.packets[place];
    KnownGroups::ask(arrived.packet, arrived.ip, wanted[place]);
    known_groups_.prefetch(wanted[place]);
  }
  uint16_t unknown[kBurstCapacity];  // places
  uint16_t count = 0;
  for (uint16_t place = 0; place < arrived_.count; ++place) {
    const SaGroup* known = known_groups_.find(wanted[place], context_.generation);
    found[place].group = known;
    if (known != nullptr) [[likely]] {
      known->prefetch();
    } else {
      unknown[count++] = place;
    }
  }
  if (count > 0) [[unlikely]]
    look_up({unknown, count}, found);
  for (uint16_t place = 0; place < arrived_.count; ++place) {
    if (found[place].group != nullptr) [[likely]] {
      begin(place, *found[place].group);
    } else {
      context_.drop(arrived_.packets[place].packet, found[place].reason);
    }
  }
}

// Of packets whose groups are not known from others.
void Inbound::look_up(std::span<const uint16_t> places, FoundGroup* found) noexcept {
  SaKey keys[kBurstCapacity];
  uint16_t of_keys[kBurstCapacity];  // places
  uint16_t count = 0;
  for (const uint16_t place : places) {
    const PlainPacket& arrived = arrived_.packets[place];
    if (arrived.ip.next_header == kProtocolUdp) {
      if (const auto reason = other_than_esp(arrived.packet, arrived.ip, network_.sas.udp_ports())) {
        found[place] = {nullptr, *reason};
        continue;
      }
    }
    if (is_tunnel_protocol(arrived.ip.next_header)) {
      found[place] = find_tunnel_group(network_.sas, arrived.packet, arrived.ip, context_.generation);
    } else if (const ReceivedSaKey received = received_sa_key(arrived.packet, arrived.ip); received.ok) {
      keys[count] = received.key;
      of_keys[count++] = place;
    } else {
      found[place] = {nullptr, DropReason::runt};
    }
  }
  if (count > 0) find_by_spi(of_keys, keys, count, found);
}

void Inbound::find_by_spi(const uint16_t* places, const SaKey* keys, uint16_t count, FoundGroup* found) noexcept {
  const SaKey* wanted[kBurstCapacity] = {};
  Slot slots[kBurstCapacity];
  for (uint16_t i = 0; i < count; ++i) wanted[i] = &keys[i];
  const auto& sas = network_.sas.sas();
  sas.find_slots(wanted, count, slots);
  for (uint16_t i = 0; i < count; ++i) {
    if (slots[i] != kNoSlot) sas.prefetch(slots[i]);
  }
  for (uint16_t i = 0; i < count; ++i) {
    const SaEntry* entry = slots[i] == kNoSlot ? nullptr : sas.at(slots[i], context_.generation);
    const PlainPacket& arrived = arrived_.packets[places[i]];
    found[places[i]] = group_of(entry, keys[i], arrived);
    if (entry != nullptr && entry->sa != nullptr && found[places[i]].group != nullptr) {
      KnownGroups::Wanted wanted;
      KnownGroups::ask(arrived.packet, arrived.ip, wanted);
      known_groups_.remember(wanted, context_.generation, *found[places[i]].group);
    }
  }
}

FoundGroup Inbound::group_of(const SaEntry* entry, const SaKey& key, const PlainPacket& packet) const noexcept {
  if (entry != nullptr && entry->sa != nullptr) {
    if (entry->place >= entry->group->last_required()) return {entry->group, DropReason{}};
    return {nullptr, DropReason::group_mismatch};  // something of the group should stand outside of it
  }
  if (key.protocol != SaProtocol::kComp || key.spi != be32::from_host(kCpiDeflate)) return {nullptr, DropReason::no_sa};
  const Family family = packet.ip.family;
  return {network_.sas.find_comp(source_of(packet.packet, family), destination_of(packet.packet, family),
                                 context_.generation),
          DropReason::no_sa};
}

// The outermost SA of the group is known to be the packet's. Transforms work in place, on one piece.
inline void Inbound::begin(uint16_t place, const SaGroup& group) noexcept {
  PlainPacket& arrived = arrived_.packets[place];
  rte_mbuf* packet = arrived.packet;
  const auto removed = static_cast<uint8_t>(arrived.removed + group.size());
  if (removed > kMaxRemovedSas) [[unlikely]]
    return context_.drop(packet, DropReason::too_many_headers);
  if (Sa* expired = group.expired_member(context_.now_tsc)) [[unlikely]]
    return context_.drop_expired(packet, *expired);
  rte_mbuf* writable = context_.writable(packet, 0, kUpperSequenceBytes);
  if (writable == nullptr) [[unlikely]]
    return context_.drop(packet, DropReason::no_room);
  arrived.removed = removed;
  queue(writable, group, group.size(), place, arrived.ip);
}

// `left`: of its SAs are still to be removed; `ip` is the packet's present header.
inline void Inbound::queue(rte_mbuf* packet, const SaGroup& group, uint8_t left, uint16_t tag,
                           const IpPacket& ip) noexcept {
  Sa* sa = group.at(static_cast<uint8_t>(left - 1));
  const bool takes_two = left >= 2 && group.has_tunnel_in_esp_at(static_cast<uint8_t>(left - 2)) &&
                         ip.next_header == kProtocolEsp && has_fixed_header_only(ip);
  Burst& burst = takes_two ? waiting_for_two_ : waiting_[static_cast<size_t>(sa->id.protocol)];
  burst.add(packet, sa, group, left, tag);
}

// False: there was nothing to do.
bool Inbound::remove_one(Burst& burst, Decap decap, PlainBurst& plain) noexcept {
  if (burst.empty()) return false;
  IpPacket inner[kBurstCapacity];
  if (&burst == &waiting_[static_cast<size_t>(SaProtocol::kAh)]) {  // their headers have been read
    for (uint16_t place = 0; place < burst.count; ++place) {
      inner[place] = arrived_.packets[burst.entries[place].tag].ip;
    }
    decap_ah(context_, burst, inner);
    advance_all(burst, 1, inner, plain);
    return true;
  }
  decap(context_, burst);
  StepBurst::read_headers(context_, burst, inner);
  advance_all(burst, 1, inner, plain);
  return true;
}

bool Inbound::remove_two(PlainBurst& plain) noexcept {
  if (waiting_for_two_.empty()) return false;
  IpPacket inner[kBurstCapacity];
  decap_tunnel_in_esp(context_, waiting_for_two_, inner);
  advance_all(waiting_for_two_, 2, inner, plain);
  return true;
}

// The packets of a burst that have just lost `steps` SAs. `inner`: what each is now.
void Inbound::advance_all(Burst& burst, uint8_t steps, const IpPacket* inner, PlainBurst& plain) noexcept {
  const uint16_t survivors = burst.count;
  burst.clear();  // and filled from the front again with those whose next SA is of the same kind
  const uint16_t finished_before = plain.count;
  for (uint16_t i = 0; i < survivors; ++i) {
    const BurstEntry& entry = burst.entries[i];
    advance(entry, static_cast<uint8_t>(entry.step - steps), inner[i], plain);
  }
  context_.counters->decapsulated.add(plain.count - finished_before);
}

// `ip` is what remains of the packet, of whose group `left` SAs are still to be removed.
void Inbound::advance(const BurstEntry& entry, uint8_t left, const IpPacket& ip, PlainBurst& plain) noexcept {
  trim_packet(entry.packet, ip.total_bytes);
  if (left == 0) [[likely]]
    return finish(entry, ip, plain);
  const Sa& expected = *entry.group->at(static_cast<uint8_t>(left - 1));
  if (!is_of(expected, entry.packet, ip)) {
    return context_.drop(entry.packet, ip.is_fragment ? DropReason::fragment : DropReason::group_mismatch);
  }
  arrived_.packets[entry.tag].ip = ip;  // the header as it is now
  queue(entry.packet, *entry.group, left, entry.tag, ip);
}

void Inbound::finish(const BurstEntry& entry, const IpPacket& ip, PlainBurst& plain) noexcept {
  const PlainPacket& arrived = arrived_.packets[entry.tag];
  PlainPacket& finished = plain.add();
  finished.packet = entry.packet;
  finished.ip = ip;
  finished.port = arrived.port;
  finished.origin = Origin::kGroup;
  finished.removed = arrived.removed;
  finished.group = entry.group;
  finished.to_everyone = false;
  finished.was_protected = arrived.was_protected || entry.group->protects();
}

}  // namespace spigrp
