// See fib.h. Three things that DPDK 22.11 does are kept away from here:
// - Given a prefix that reaches to the end of the address space with others inside it, it may write that number over
//   the whole table (0.0.0.0/1 and 128.0.0.0/1 inside 0.0.0.0/0 are enough). Such prefixes stay out of it, in a list of
//   their own: each begins somewhere and ends at the end, and all others that hold an address are longer.
// - It skips the table where a prefix has the number of the shorter one around it, and then counts its blocks of 256
//   entries wrongly. So no two prefixes have the same number.
// - An rte_fib6 that is edited long enough believes itself full, as each deletion loses part of what it had reserved.
//   So a Fib that refuses an edit is made anew once before that is believed.
#include "route/fib.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include <rte_errno.h>
#include <rte_fib.h>
#include <rte_fib6.h>
#include <rte_memory.h>
#include <rte_rib.h>
#include <rte_rib6.h>

#include "packet/burst.h"

namespace spigrp {
namespace {

// Numbers of two bytes lose one bit to DPDK. The larger ones double the 32 MiB that a Fib takes.
constexpr uint32_t kLargestTwoByteNumber = INT16_MAX;

bool fits_two_bytes(uint32_t capacity) noexcept {
  return capacity <= kLargestTwoByteNumber;
}

uint32_t at_most(uint64_t blocks, uint32_t capacity) noexcept {
  return static_cast<uint32_t>(
      std::min<uint64_t>(blocks, fits_two_bytes(capacity) ? kLargestTwoByteNumber / 64 * 64 : INT32_MAX / 256));
}

// Blocks of 256 entries: one for each /24 in which there is a longer prefix, and one to spare for DPDK's own check.
uint32_t ipv4_blocks(uint32_t capacity) noexcept {
  return at_most(uint64_t{capacity} + 64, capacity);
}

// One for each byte of a prefix beyond the third, of which neighbouring prefixes share most: two each are plenty for
// networks, and more would be memory for nothing.
uint32_t ipv6_blocks(uint32_t capacity) noexcept {
  return at_most(uint64_t{capacity} * 2 + 512, capacity);
}

// Whether the last address of all is in it.
bool reaches_end(const IpPrefix& prefix) noexcept {
  IpAddress last{prefix.address.family, {}};
  std::fill_n(last.bytes.begin(), last.size(), 0xff);
  return prefix.contains(last);
}

uint32_t host_order(const IpAddress& address) noexcept {
  uint32_t wire;
  std::memcpy(&wire, address.bytes.data(), sizeof(wire));
  return __builtin_bswap32(wire);
}

rte_fib* make_ipv4(const char* name, uint32_t capacity) noexcept {
  rte_fib_conf conf{};
  conf.type = RTE_FIB_DIR24_8;
  conf.max_routes = static_cast<int>(capacity);
  conf.dir24_8.nh_sz = fits_two_bytes(capacity) ? RTE_FIB_DIR24_8_2B : RTE_FIB_DIR24_8_4B;
  conf.dir24_8.num_tbl8 = ipv4_blocks(capacity);
  rte_fib* fib = rte_fib_create(name, SOCKET_ID_ANY, &conf);
  // The AVX-512 lookup of two-byte numbers reads past the end of its table (mended in DPDK 24.11).
  if (fib != nullptr) rte_fib_select_lookup(fib, RTE_FIB_LOOKUP_DIR24_8_SCALAR_MACRO);
  return fib;
}

rte_fib6* make_ipv6(const char* name, uint32_t capacity) noexcept {
  rte_fib6_conf conf{};
  conf.type = RTE_FIB6_TRIE;
  conf.max_routes = static_cast<int>(capacity);
  conf.trie.nh_sz = fits_two_bytes(capacity) ? RTE_FIB6_TRIE_2B : RTE_FIB6_TRIE_4B;
  conf.trie.num_tbl8 = ipv6_blocks(capacity);
  rte_fib6* fib = rte_fib6_create(name, SOCKET_ID_ANY, &conf);
  if (fib != nullptr) rte_fib6_select_lookup(fib, RTE_FIB6_LOOKUP_TRIE_SCALAR);
  return fib;
}

}  // namespace

Expected<std::unique_ptr<Fib>> Fib::create(Family family, uint32_t capacity) {
  std::unique_ptr<Fib> fib(new Fib(family, capacity));
  if (fib->open()) return fib;
  return failure("routes",
                 "no memory for " + std::to_string(capacity) + " " + std::string(family_word(family)) + " routes (" +
                     rte_strerror(rte_errno) + ")",
                 "raise memory.megabytes, or lower tables.routes");
}

Fib::~Fib() {
  close();
}

bool Fib::open() {
  static std::atomic<unsigned> number{0};
  const std::string name =
      (family_ == Family::kIpv4 ? "routes4." : "routes6.") + std::to_string(number++);  // the process has one of a name
  if (family_ == Family::kIpv4) {
    ipv4_ = make_ipv4(name.c_str(), capacity_);
    return ipv4_ != nullptr;
  }
  ipv6_ = make_ipv6(name.c_str(), capacity_);
  return ipv6_ != nullptr;
}

void Fib::close() noexcept {
  if (ipv4_ != nullptr) rte_fib_free(ipv4_);
  if (ipv6_ != nullptr) rte_fib6_free(ipv6_);
  ipv4_ = nullptr;
  ipv6_ = nullptr;
}

void Fib::look_up(const uint32_t* addresses, uint16_t count, uint64_t* numbers) const noexcept {
  uint32_t host_order[kBurstCapacity];
  for (uint16_t i = 0; i < count; ++i) host_order[i] = __builtin_bswap32(addresses[i]);
  rte_fib_lookup_bulk(ipv4_, host_order, numbers, count);
  for (uint16_t i = 0; i < count; ++i) {
    if (numbers[i] == 0) numbers[i] = tail_.find(addresses[i]);
  }
}

void Fib::look_up(const std::array<uint8_t, 16>* addresses, uint16_t count, uint64_t* numbers) const noexcept {
  auto* raw = const_cast<std::array<uint8_t, 16>*>(addresses);
  rte_fib6_lookup_bulk(ipv6_, reinterpret_cast<uint8_t(*)[RTE_FIB6_IPV6_ADDR_SIZE]>(raw), numbers, count);
  for (uint16_t i = 0; i < count; ++i) {
    if (numbers[i] == 0) numbers[i] = tail_.find(addresses[i]);
  }
}

void Fib::outdate(const IpPrefix& prefix) {
  if (reaches_end(prefix)) {
    is_tail_outdated_ = true;
    return;
  }
  if (is_spoiled_) return;
  outdated_.insert(prefix);
  if (outdated_.size() > 2 * size_t{capacity_}) is_spoiled_ = true;
  if (is_spoiled_) outdated_.clear();
}

bool Fib::bring_up_to_date(const PrefixNumbers& prefixes) {
  if (prefixes.size() >= too_many_) return false;
  if (is_tail_outdated_) make_tail(prefixes);
  const bool done = (!is_spoiled_ && change_outdated(prefixes)) || make_anew(prefixes);
  outdated_.clear();
  is_spoiled_ = !done;
  too_many_ = done ? SIZE_MAX : prefixes.size();
  return done;
}

// First what goes: what comes may have its number.
bool Fib::change_outdated(const PrefixNumbers& prefixes) {
  for (const IpPrefix& prefix : outdated_) {
    const uint32_t present = find(prefix);
    const auto wanted = prefixes.find(prefix);
    const bool is_right = wanted != prefixes.end() && wanted->second == present;
    if (present != 0 && !is_right && !remove(prefix)) return false;
  }
  for (const IpPrefix& prefix : outdated_) {
    const auto wanted = prefixes.find(prefix);
    if (wanted != prefixes.end() && find(prefix) == 0 && !add(prefix, wanted->second)) return false;
  }
  return true;
}

bool Fib::make_anew(const PrefixNumbers& prefixes) {
  close();
  if (!open()) return false;
  for (const auto& [prefix, number] : prefixes) {
    if (!reaches_end(prefix) && !add(prefix, number)) return false;
  }
  return true;
}

void Fib::make_tail(const PrefixNumbers& prefixes) {
  PrefixNumbers tail;
  IpPrefix prefix{{family_, {}}, 0};
  for (unsigned bits = 0; bits <= prefix.address.max_bits(); ++bits) {
    prefix.bits = static_cast<uint8_t>(bits);
    if (bits > 0) {
      uint8_t& byte = prefix.address.bytes[(bits - 1) / 8];
      byte = static_cast<uint8_t>(byte | 0x80 >> (bits - 1) % 8);
    }
    if (const auto found = prefixes.find(prefix); found != prefixes.end()) tail.insert(*found);
  }
  tail_ = RangeTable(tail);
  is_tail_outdated_ = false;
}

// The number that exactly this prefix has here, or 0.
uint32_t Fib::find(const IpPrefix& prefix) const noexcept {
  uint64_t number = 0;
  if (family_ == Family::kIpv4) {
    rte_rib_node* node = rte_rib_lookup_exact(rte_fib_get_rib(ipv4_), host_order(prefix.address), prefix.bits);
    if (node != nullptr) rte_rib_get_nh(node, &number);
  } else {
    rte_rib6_node* node = rte_rib6_lookup_exact(rte_fib6_get_rib(ipv6_), prefix.address.bytes.data(), prefix.bits);
    if (node != nullptr) rte_rib6_get_nh(node, &number);
  }
  return static_cast<uint32_t>(number);
}

bool Fib::add(const IpPrefix& prefix, uint32_t number) noexcept {
  if (family_ == Family::kIpv4) return rte_fib_add(ipv4_, host_order(prefix.address), prefix.bits, number) == 0;
  return rte_fib6_add(ipv6_, prefix.address.bytes.data(), prefix.bits, number) == 0;
}

bool Fib::remove(const IpPrefix& prefix) noexcept {
  if (family_ == Family::kIpv4) return rte_fib_delete(ipv4_, host_order(prefix.address), prefix.bits) == 0;
  return rte_fib6_delete(ipv6_, prefix.address.bytes.data(), prefix.bits) == 0;
}

}  // namespace spigrp
