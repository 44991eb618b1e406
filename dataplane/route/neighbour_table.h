// NeighbourTable: the MAC addresses of next hops, those the operator gave (static) and those that ARP and neighbour
// discovery found (learned). Learned ones give way: when the table is full the oldest of them makes room for a new one,
// and where there are none but static ones nothing is learned.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "config/ip_address.h"
#include "route/route_tables.h"
#include "state/versioned_map.h"

namespace spigrp {

struct NeighbourPlace {
  IpAddress address;
  uint16_t port;  // index

  NeighbourKey key() const noexcept { return {address.bytes, be16::from_host(port), address.family}; }
  friend auto operator<=>(const NeighbourPlace&, const NeighbourPlace&) = default;  // NOLINT(modernize-use-nullptr)
};

class NeighbourEdit;

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
  NeighbourEdit* innermost_edit_ = nullptr;
};

// One transaction's edits of the table, put into it by link(). Another may be made and linked between two edits of this
// one: it leaves alone what is staged here.
class NeighbourEdit {
 public:
  NeighbourEdit(NeighbourTable& table, Versions& versions)
      : table_(table), versions_(versions), around_(std::exchange(table.innermost_edit_, this)) {}
  ~NeighbourEdit();  // drops what was not linked
  NeighbourEdit(const NeighbourEdit&) = delete;
  NeighbourEdit& operator=(const NeighbourEdit&) = delete;

  // As the edits so far leave it, or null.
  const Neighbour* find(const NeighbourPlace& place) const;
  // False: no room, or an edit around this one changes it.
  bool put(const NeighbourPlace& place, const Neighbour& neighbour);
  // The neighbour is there.
  void erase(const NeighbourPlace& place);

  // Changed ones; nothing: deleted.
  const std::map<NeighbourPlace, std::optional<Neighbour>>& staged() const noexcept { return staged_; }

  void link();

 private:
  bool is_staged_around(const NeighbourPlace& place) const;
  bool make_room();
  void link_one(const NeighbourPlace& place, const std::optional<Neighbour>& now);

  NeighbourTable& table_;
  Versions& versions_;
  NeighbourEdit* const around_;  // the one in the midst of which this one is made, or null
  std::map<NeighbourPlace, std::optional<Neighbour>> staged_;
  int64_t growth_ = 0;
};

}  // namespace spigrp
