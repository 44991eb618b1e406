// PrefixTable: one family's prefixes → numbers, at each generation that a worker may look at. Workers read one Fib
// while the other is brought up to date for the next generation. An edit that comes while workers may still read both
// does not wait for them: its generation is read from a RangeTable until one of the two comes free.
#pragma once

#include <array>
#include <atomic>
#include <memory>

#include "route/fib.h"
#include "state/versioned_cell.h"

namespace spigrp {

class PrefixTable {
 public:
  // Room for `capacity` prefixes. Error: no memory.
  static Expected<std::unique_ptr<PrefixTable>> create(Family family, uint32_t capacity);

  // worker: for `count` ≤ 64 addresses the numbers of the longest prefixes that hold them, or 0. IPv4 addresses as they
  // lie in a header.
  void look_up(const uint32_t* addresses, uint16_t count, Generation g, uint64_t* numbers) const noexcept;
  void look_up(const std::array<uint8_t, 16>* addresses, uint16_t count, Generation g,
               uint64_t* numbers) const noexcept;

  // control: the number of a prefix, or 0
  uint32_t find(const IpPrefix& prefix) const noexcept;
  // control: changes that link() puts into the next generation, all of them in one. Numbers: 1 … capacity, each for one
  // prefix only.
  void add(const IpPrefix& prefix, uint32_t number);
  void remove(const IpPrefix& prefix);
  void link(Versions& versions);

  bool is_read_from_fib(Generation g) const noexcept;  // for tests: else from a RangeTable

 private:
  struct Reading {                         // what workers read at the generations of one link()
    std::atomic<const Fib*> fib{nullptr};  // worker: ro, control: set once, perhaps later; null: read `ranges`
    RangeTable ranges;
    std::shared_ptr<Fib> held;  // control: the same Fib, not to be changed as long as a reading holds it
  };

  PrefixTable() = default;
  template <class Address>
  void look_up_any(const Address* addresses, uint16_t count, Generation g, uint64_t* numbers) const noexcept;
  std::shared_ptr<Fib> free_fib();
  void catch_up();

  std::array<std::shared_ptr<Fib>, 2> fibs_;
  PrefixNumbers numbers_;  // control only
  bool is_changed_ = false;
  VersionedCell<std::unique_ptr<Reading>> readings_;
};

}  // namespace spigrp
