// ScaleRig: two gateways with one content of their tables, and packets that go through both: what a packet costs there,
// out and in. Several rigs can be timed in turns.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "gateway.h"
#include "measure.h"
#include "slice_packets.h"

namespace spigrp::bench {

struct TwoWays {  // cycles per packet
  double out = 0, in = 0;
};

class ScaleRig {
 public:
  static Expected<ScaleRig> create(const TableContent& content, uint16_t workers = 1);

  // One slice, behind one that is not timed; of the flows from `first` on. Error: packets were lost.
  Expected<TwoWays> time(size_t first, std::span<const uint16_t> inner_bytes);

  // Of a worker on each of these cores at once, with as many packets as the others: cycles per packet, the mean of
  // theirs. Each uses one SA: all the first, or each one of its own.
  enum class Use : uint8_t { kTheSame, kOneEach };
  Expected<TwoWays> time_together(std::span<const int> cores, uint16_t inner_bytes, Use use);

 private:
  ScaleRig(TableContent content, std::unique_ptr<Gateway> near, std::unique_ptr<Gateway> far)
      : content_(std::move(content)), near_(std::move(near)), far_(std::move(far)) {}

  SlicePackets::Filling filling(size_t first, std::span<const uint16_t> inner_bytes) const {
    return {FlowNetwork::kProtected, first, content_.used_count(), inner_bytes, content_.packet_case.family};
  }
  Expected<double> through(Gateway& gateway, uint16_t from, uint16_t to);
  Expected<double> through_together(Gateway& gateway, uint16_t from, std::span<const int> cores);
  tl::unexpected<Error> lost() const;

  TableContent content_;
  std::unique_ptr<Gateway> near_, far_;
  std::vector<std::vector<SlicePackets>> packets_;  // by worker
};

}  // namespace spigrp::bench
