// Fib: one family's prefixes → numbers, an rte_fib (IPv4, DIR24_8) or rte_fib6 (TRIE). DPDK changes them in place and
// not at once, so a Fib is changed only while no worker reads it; the PrefixTable keeps two.
#pragma once

#include <cstdint>
#include <memory>
#include <set>

#include "config/error.h"
#include "config/ip_address.h"
#include "route/range_table.h"

struct rte_fib;
struct rte_fib6;

namespace spigrp {

class Fib {
 public:
  // Room for `capacity` prefixes of one family, numbered up to `capacity`. Error: no memory.
  static Expected<std::unique_ptr<Fib>> create(Family family, uint32_t capacity);
  ~Fib();
  Fib(const Fib&) = delete;
  Fib& operator=(const Fib&) = delete;

  // worker: the numbers of the longest prefixes that hold the `count` ≤ 64 addresses, or 0; IPv4 as in a header
  void look_up(const uint32_t* addresses, uint16_t count, uint64_t* numbers) const noexcept;
  void look_up(const std::array<uint8_t, 16>* addresses, uint16_t count, uint64_t* numbers) const noexcept;

  // control: what is here of this prefix may not be right any more
  void outdate(const IpPrefix& prefix);
  // control, while nobody reads it: what was outdated becomes as `prefixes` has it. False: they do not fit; then it
  // must not be read.
  bool bring_up_to_date(const PrefixNumbers& prefixes);

 private:
  Fib(Family family, uint32_t capacity) : family_(family), capacity_(capacity) {}

  bool open();
  void close() noexcept;
  bool change_outdated(const PrefixNumbers& prefixes);
  bool make_anew(const PrefixNumbers& prefixes);
  void make_tail(const PrefixNumbers& prefixes);
  uint32_t find(const IpPrefix& prefix) const noexcept;
  bool add(const IpPrefix& prefix, uint32_t number) noexcept;
  bool remove(const IpPrefix& prefix) noexcept;

  Family family_;
  uint32_t capacity_;
  rte_fib* ipv4_ = nullptr;  // this one or the next
  rte_fib6* ipv6_ = nullptr;
  RangeTable tail_;  // the prefixes that hold the last address, the default route among them
  std::set<IpPrefix> outdated_;
  bool is_tail_outdated_ = false;
  bool is_spoiled_ = false;     // an edit of it failed half way, or so much is outdated that it is not kept account of
  size_t too_many_ = SIZE_MAX;  // so many prefixes did not fit
};

}  // namespace spigrp
