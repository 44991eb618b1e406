// Reassembly of fragments that are addressed to the gateway (RFC 791 section 3.2, RFC 8200 section 4.5). Each worker
// has its own, so all fragments of a packet must reach one worker: ports spread packets by addresses alone, but
// fragments that come in by ports of different workers do not find each other and time out. Nothing here is
// authenticated, so all is bounded: packets, fragments, time. Who floods it pushes out the oldest, which are the least
// likely to be completed. librte_ip_frag's tables take overlapping fragments for a packet and do not say why they give
// one up.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/plain_packet.h"
#include "packet/fragments.h"
#include "transform/worker_context.h"

namespace spigrp {

inline constexpr uint16_t kMaxHeldPackets = 256;     // of one worker: that lack fragments
inline constexpr uint32_t kMaxHeldFragments = 1024;  // of one worker
// RFC 791 would have 15 s and RFC 8200 60; at today's rates a 16-bit identification is used again long before (RFC
// 4963).
inline constexpr uint64_t kReassemblySeconds = 2;

class Reassembly {
 public:
  // `max_fragments`: at most so many buffers are held.
  Reassembly(WorkerContext& context, uint32_t max_fragments);
  Reassembly(const Reassembly&) = delete;
  Reassembly& operator=(const Reassembly&) = delete;
  ~Reassembly() { clear(DropReason::shutting_down); }

  // Takes a fragment. Returns its packet, in one piece, if that is whole now; else the fragment is held or dropped.
  std::optional<PlainPacket> add(const PlainPacket& fragment) noexcept;
  bool empty() const noexcept { return oldest_ == kNone; }
  // Gives up what has waited too long.
  void expire() noexcept;
  // Gives up everything.
  void clear(DropReason reason) noexcept;

 private:
  using Index = uint16_t;  // of a Held
  static constexpr Index kNone = UINT16_MAX;

  struct Key {
    std::array<uint8_t, 16> source, destination;  // IPv4 in the first 4 bytes, the rest zero
    uint32_t identification;
    uint16_t protocol;  // of IPv4; fragments of an IPv6 packet need not agree in it
    uint16_t family;

    friend bool operator==(const Key&, const Key&) = default;
  };
  static_assert(sizeof(Key) == 40, "no padding: it is hashed");

  struct Piece {  // bytes of the payload
    rte_mbuf* packet;
    uint32_t begin, end;
    uint16_t header_bytes;
  };
  struct Part {  // a fragment as it arrived
    Key key;
    Piece piece;
    bool is_last, has_ce;
    uint32_t whole_bytes;  // that its packet has at least
  };
  // A packet that lacks fragments. One that is spoiled has none any more and takes none, until its time is over.
  struct Held {
    Key key;
    uint64_t since_tsc;
    uint32_t total_bytes, have_bytes;  // of the payload; total_bytes 0: the last fragment is not here
    Index next_in_bucket, older, newer;
    uint16_t count;
    uint8_t removed;
    bool has_ce, was_protected;  // one of them
    std::optional<DropReason> spoiled;
    std::array<Piece, kMaxFragments> pieces;  // in their order
  };

  static Part read(const PlainPacket& fragment) noexcept;
  Index* bucket_of(const Key& key) noexcept;
  Held* find(const Key& key) noexcept;
  Held* begin(const Key& key) noexcept;
  Index index_of(const Held& held) const noexcept { return static_cast<Index>(&held - held_.data()); }
  bool has_room_for_one(const Held& held) noexcept;
  std::optional<PlainPacket> insert(Held& held, const Part& part, const PlainPacket& fragment) noexcept;
  std::optional<PlainPacket> join(Held& held, const PlainPacket& last) noexcept;
  void drop_pieces(Held& held, DropReason reason) noexcept;
  void spoil(Held& held, DropReason reason) noexcept;
  void give_up(Held& held, DropReason reason) noexcept;
  void forget(Held& held) noexcept;

  WorkerContext& context_;
  uint32_t max_fragments_;
  uint64_t limit_tsc_;
  uint32_t seed_;  // or a flood could choose its bucket
  uint32_t fragments_ = 0;
  Index oldest_ = kNone, newest_ = kNone, free_ = 0;
  std::vector<Held> held_;
  std::array<Index, kMaxHeldPackets> buckets_;
};

}  // namespace spigrp
