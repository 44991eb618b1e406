// The tables that workers look up: SAs by (destination, SPI, protocol), and eroutes by selector. All of it is
// versioned; sa_edit.h is the only writer.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>
#include <vector>

#include "config/options.h"
#include "config/selector.h"
#include "packet/ip_packet.h"
#include "sa/eroute_table.h"
#include "sa/held_packet.h"
#include "sa/lifetime_watch.h"
#include "sa/live_keys.h"
#include "sa/sa_group.h"
#include "sa/spent_keys.h"
#include "sa/udp_ports.h"
#include "state/versioned_map.h"

namespace spigrp {

struct SaKey {
  std::array<uint8_t, 16> destination;
  be32 spi;
  SaProtocol protocol;
  Family family;
  std::array<uint8_t, 2> zero{};
};
SaKey sa_key(const SaId& id) noexcept;

// What the SA table holds for one SAID at one generation.
struct SaEntry {
  Sa* sa = nullptr;                // null: deleted, but eroutes still name it
  const SaGroup* group = nullptr;  // never null while sa is not: an SA that is in no group has a group of its own
  uint8_t place = 0;               // in the group
  bool grouped = false;            // by spigrp, in a group of two or more
  Slot slot = kNoSlot;             // its own, in the SA table
  uint64_t dissolved_by = 0;       // number of the edit that last took it out of a group; 0: none did
};

// By what a tun SA is known on the wire, where no SPI is, and a comp SA of a peer that sends the well-known CPI.
struct AddressKey {
  std::array<uint8_t, 16> source;
  std::array<uint8_t, 16> destination;
  SaProtocol protocol;  // kTunnel or kComp
  Family family;

  friend auto operator<=>(const AddressKey&, const AddressKey&) = default;
};
AddressKey address_key(const Sa& sa) noexcept;

// What a trap made, or a %trapsubnet became, when a packet met it; control only.
struct TrapHold {
  Selector trap;
  uint64_t made_by;   // number of the edit
  bool in_its_place;  // %trapsubnet
};
using TrapHolds = std::unordered_map<Selector, TrapHold, SelectorHash>;  // by the selector of the hold

class SaTables {
 public:
  static Expected<std::unique_ptr<SaTables>> create(const TableOptions& sizes);
  ~SaTables();

  // worker: inbound: the SA of a received ESP, AH or IPComp packet; an entry without sa is as good as none
  const SaEntry* find_sa(const SaKey& key, Generation g) const noexcept { return sas_->find(key, g); }
  // worker: inbound: the group without esp and ah (or the tun SA in no group) whose outermost tunnel header has these
  // endpoints; null if none. An SA that was taken out of a group does not count: what it was grouped with is missing.
  const SaGroup* find_bare_tunnel(const IpAddress& source, const IpAddress& destination, Generation g) const noexcept {
    return find_by_addresses({source.bytes, destination.bytes, SaProtocol::kTunnel, source.family}, g);
  }
  // worker: inbound: the same for an IPComp header of the well-known CPI, in any group of which it can be the
  // outermost.
  const SaGroup* find_comp(const IpAddress& source, const IpAddress& destination, Generation g) const noexcept {
    return find_by_addresses({source.bytes, destination.bytes, SaProtocol::kComp, source.family}, g);
  }

  // worker: outbound: what to do with this flow
  ErouteVerdict find_eroute(const FlowKey& flow, Generation g) const noexcept {
    const Eroute* eroute = eroutes_->find(flow, g).eroute;
    return eroute == nullptr ? ErouteVerdict{} : resolve(*eroute, g);
  }
  // worker: a stamp that stays the same as long as a verdict's eroute may be remembered
  Generation eroutes_changed_at(Generation g) const noexcept { return eroutes_->changed_at(g); }
  // worker: what an eroute, found at this stamp, leads to now
  ErouteVerdict resolve(const Eroute& eroute, Generation g) const noexcept;
  // worker: false: what leads to that SA leads to the same group as at an earlier generation
  bool has_changed(Slot head, Generation since, Generation g) const noexcept {
    return sas_->has_changed(head, since, g);
  }
  void prefetch_head(Slot head) const noexcept { sas_->prefetch(head); }  // worker: what that looks at
  // worker: into the cache what resolve() takes for all of these (null: nothing), and the groups
  void prefetch_targets(std::span<const Eroute* const> eroutes, Generation g) const noexcept;

  const UdpPorts& udp_ports() const noexcept { return *udp_ports_; }  // worker: has()

  VersionedMap<SaKey, SaEntry>& sas() noexcept { return *sas_; }        // control: slots for listings
  ErouteTable& eroutes() noexcept { return *eroutes_; }                 // control; worker: count()
  const ErouteTable& eroutes() const noexcept { return *eroutes_; }     // worker: find()
  const SaEntry* newest(const SaId& id) const noexcept;                 // control
  LifetimeWatch& lifetimes() noexcept { return lifetimes_; }            // control
  const TrapHolds& trap_holds() const noexcept { return trap_holds_; }  // control
  ReleasedPackets& released() noexcept { return released_; }            // control: of holds that are no more
  SpentKeys& spent_keys() noexcept { return spent_keys_; }              // control
  // control: later edits have higher numbers than this, the highest of an earlier process
  void number_edits_after(uint64_t number) noexcept { edit_number_ = std::max(edit_number_, number); }
  uint32_t sa_count() const noexcept { return sa_count_; }        // control
  uint32_t group_count() const noexcept { return group_count_; }  // control: of two SAs or more

 private:
  friend class SaEdit;
  SaTables() = default;

  const SaGroup* find_by_addresses(const AddressKey& key, Generation g) const noexcept;

  ReleasedPackets released_;  // control; outlives the eroutes, here and among what `versions` retired
  std::unique_ptr<VersionedMap<SaKey, SaEntry>> sas_;
  std::unique_ptr<VersionedMap<AddressKey, const SaGroup*>> by_addresses_;
  std::unique_ptr<ErouteTable> eroutes_;
  std::shared_ptr<UdpPorts> udp_ports_ = std::make_shared<UdpPorts>();
  // control only, and below, for SaEdit
  struct SameAddresses {
    struct ByNumber {
      bool operator()(const SaGroup* a, const SaGroup* b) const noexcept { return a->number() < b->number(); }
    };
    uint32_t sas = 0;                           // with these addresses; the key keeps its slot while there is one
    std::set<const SaGroup*, ByNumber> groups;  // those that nothing but the addresses recognises; the newest counts
  };
  std::map<AddressKey, SameAddresses> same_addresses_;
  std::vector<uint32_t> eroutes_to_;   // by SA slot: eroutes that name it; such a slot is not given back
  std::optional<LiveKeys> live_keys_;  // of SAs that have keys
  LifetimeWatch lifetimes_;
  TrapHolds trap_holds_;
  SpentKeys spent_keys_;
  uint64_t edit_number_ = 0;
  uint32_t sa_count_ = 0;
  uint32_t group_count_ = 0;
};

}  // namespace spigrp
