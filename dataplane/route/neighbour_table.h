// NeighbourTable: the MAC addresses of next hops, those the operator gave (static) and those that ARP and neighbour
// discovery found (learned). Learned ones give way: when the table is full the oldest of them makes room for a new one,
// and where there are none but static ones nothing is learned.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "config/ip_address.h"
#include "route/route_tables.h"
#include "state/versioned_map.h"

namespace spigrp {

struct NeighbourPlace {
  IpAddress address;
  uint16_t port;  // index

  NeighbourKey key() const noexcept { return {address.bytes, be16::from_host(port), address.family}; }
  friend auto operator<=>(const NeighbourPlace&, const NeighbourPlace&) = default;
};

class NeighbourTable {
 public:
  // Error: no memory.
  static Expected<std::unique_ptr<NeighbourTable>> create(uint32_t capacity);

  // worker: the neighbour, or null
  const Neighbour* find(const NeighbourKey& key, Generation g) const noexcept { return map_->find(key, g); }

  struct Row {
    NeighbourPlace place;
    Neighbour neighbour;
  };
  std::vector<Row> all() const;  // control: by address, then by port

 private:
  friend class NeighbourEdit;
  struct Known {
    Neighbour neighbour;
    uint64_t age_number;  // of a learned one: its key in learned_
  };

  NeighbourTable() = default;

  std::unique_ptr<VersionedMap<NeighbourKey, Neighbour>> map_;
  // control only, and below
  uint32_t capacity_ = 0;
  std::map<NeighbourPlace, Known> known_;
  std::map<uint64_t, NeighbourPlace> learned_;  // oldest first
  uint64_t next_age_number_ = 0;
};

// One transaction's edits of the table, put into it by link().
class NeighbourEdit {
 public:
  NeighbourEdit(NeighbourTable& table, Versions& versions) : table_(table), versions_(versions) {}
  ~NeighbourEdit();  // drops what was not linked
  NeighbourEdit(const NeighbourEdit&) = delete;
  NeighbourEdit& operator=(const NeighbourEdit&) = delete;

  // As the edits so far leave it, or null.
  const Neighbour* find(const NeighbourPlace& place) const;
  // False: no room.
  bool put(const NeighbourPlace& place, const Neighbour& neighbour);
  // The neighbour is there.
  void erase(const NeighbourPlace& place);

  // Changed ones; nothing: deleted.
  const std::map<NeighbourPlace, std::optional<Neighbour>>& staged() const noexcept { return staged_; }

  void link();

 private:
  bool make_room();
  void link_one(const NeighbourPlace& place, const std::optional<Neighbour>& now);

  NeighbourTable& table_;
  Versions& versions_;
  std::map<NeighbourPlace, std::optional<Neighbour>> staged_;
  int64_t growth_ = 0;
};

}  // namespace spigrp
