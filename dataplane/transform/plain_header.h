// PlainHeader: an IP header without options and extension headers, as nearly all are, for usual_ah.h: made what the
// ICV covers (RFC 4302 section 3.3.3.1.1.1 and 3.3.3.1.2.1), and put where the packet begins now, with another length
// and protocol. All of it is read before anything is written, so both places may overlap; and it stays in registers, so
// that no checksum waits for what has just been stored. Headers with more than that: mutable_fields.h.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "packet/checksum.h"
#include "packet/ip_packet.h"

namespace spigrp {

// What comes before the addresses, as it lies on the wire; everything that AH does not cover is in it.
template <Family family>
struct HeaderFront;

template <>
struct HeaderFront<Family::kIpv4> {
  uint64_t first;  // version and IHL, TOS, total length; identification, flags and offset
  uint32_t third;  // TTL, protocol, checksum

  static HeaderFront at(const uint8_t* header) noexcept {
    HeaderFront front;
    std::memcpy(&front.first, header, sizeof(first));
    std::memcpy(&front.third, header + sizeof(first), sizeof(third));
    return front;
  }
  void put(uint8_t* header) const noexcept {
    std::memcpy(header, &first, sizeof(first));
    std::memcpy(header + sizeof(first), &third, sizeof(third));
  }
  // TOS, flags and offset, TTL and checksum are zero.
  HeaderFront covered() const noexcept { return {first & 0x0000'ffff'ffff'00ff, third & 0xff00}; }
};

template <>
struct HeaderFront<Family::kIpv6> {
  uint64_t first;  // version, traffic class, flow label; payload length, next header, hop limit

  static HeaderFront at(const uint8_t* header) noexcept {
    HeaderFront front;
    std::memcpy(&front.first, header, sizeof(first));
    return front;
  }
  void put(uint8_t* header) const noexcept { std::memcpy(header, &first, sizeof(first)); }
  // Traffic class, flow label and hop limit are zero.
  HeaderFront covered() const noexcept { return {(first & 0x00ff'ffff'0000'0000) | 0x60}; }
};

template <Family family>
class PlainHeader;

template <>
class PlainHeader<Family::kIpv4> {
 public:
  using Front = HeaderFront<Family::kIpv4>;

  // Its front may have been kept elsewhere.
  explicit PlainHeader(const uint8_t* header) noexcept : PlainHeader(header, Front::at(header)) {}
  PlainHeader(const uint8_t* header, const Front& front) noexcept : front_(front) {
    std::memcpy(&addresses_, header + offsetof(Ipv4Header, source), sizeof(addresses_));
  }

  uint8_t protocol() const noexcept { return static_cast<uint8_t>(front_.third >> 8); }
  // The same as rewrite_ip() does.
  void set(uint32_t total_bytes, uint8_t protocol) noexcept {
    const uint64_t length = be16::from_host(static_cast<uint16_t>(total_bytes)).wire;
    const uint32_t third = (front_.third & 0xff) | uint32_t{protocol} << 8;
    front_.first = (front_.first & 0xffff'ffff'0000'ffff) | length << 16;
    const uint64_t sum =
        (front_.first & UINT32_MAX) + (front_.first >> 32) + third + (addresses_ & UINT32_MAX) + (addresses_ >> 32);
    front_.third = third | uint32_t{static_cast<uint16_t>(~detail::fold_sum(sum))} << 16;
  }

  const Front& front() const noexcept { return front_; }
  void put_addresses(uint8_t* header) const noexcept {
    std::memcpy(header + offsetof(Ipv4Header, source), &addresses_, sizeof(addresses_));
  }

 private:
  Front front_;
  uint64_t addresses_;
};

template <>
class PlainHeader<Family::kIpv6> {
 public:
  using Front = HeaderFront<Family::kIpv6>;

  explicit PlainHeader(const uint8_t* header) noexcept : PlainHeader(header, Front::at(header)) {}
  PlainHeader(const uint8_t* header, const Front& front) noexcept : front_(front) {
    std::memcpy(addresses_.data(), header + offsetof(Ipv6Header, source), sizeof(addresses_));
  }

  uint8_t protocol() const noexcept { return static_cast<uint8_t>(front_.first >> 48); }
  void set(uint32_t total_bytes, uint8_t next_header) noexcept {
    const uint64_t length =
        be16::from_host(static_cast<uint16_t>(total_bytes - static_cast<uint32_t>(sizeof(Ipv6Header)))).wire;
    front_.first = (front_.first & 0xff00'0000'ffff'ffff) | length << 32 | uint64_t{next_header} << 48;
  }

  const Front& front() const noexcept { return front_; }
  void put_addresses(uint8_t* header) const noexcept {
    std::memcpy(header + offsetof(Ipv6Header, source), addresses_.data(), sizeof(addresses_));
  }

 private:
  Front front_;
  std::array<uint64_t, 4> addresses_;
};

}  // namespace spigrp
