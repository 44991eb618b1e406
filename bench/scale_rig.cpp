// See scale_rig.h.
#include "scale_rig.h"

#include <atomic>
#include <thread>

#include <pthread.h>

namespace spigrp::bench {
namespace {

constexpr size_t kSlicesOfAWorker = 3;    // for time_together: a port's ring holds 1,024 packets
constexpr uint16_t kWidestWindow = 4096;  // workers are so far apart

void pin_thread(int core) noexcept {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(core), &one);
  pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
}

// Tables as large as their content wants.
GatewaySizes sizes_for(const TableContent& content, uint16_t workers) {
  static unsigned number = 0;  // DPDK takes no name twice
  const uint32_t members = static_cast<uint32_t>(members_of(content.packet_case.group).size());
  GatewaySizes sizes{.tag = std::to_string(number++), .workers = workers};
  sizes.tables.sas = std::max(sizes.tables.sas, content.packet_case.sas * 2 * members);
  sizes.tables.eroutes = std::max(sizes.tables.eroutes, content.flow_count() + 1);
  return sizes;
}

}  // namespace

Expected<ScaleRig> ScaleRig::create(const TableContent& content, uint16_t workers) {
  TableContent filled = content;
  if (workers > 1) filled.window = kWidestWindow;
  const GatewaySizes sizes = sizes_for(filled, workers);
  auto near = Gateway::create(Place::kNear, sizes);
  if (!near) return tl::unexpected(near.error());
  auto far = Gateway::create(Place::kFar, sizes);
  if (!far) return tl::unexpected(far.error());
  for (Gateway* gateway : {near->get(), far->get()}) {
    if (const auto set = gateway->set_tables(filled); !set) return tl::unexpected(set.error());
  }
  ScaleRig rig(filled, std::move(*near), std::move(*far));
  rig.packets_.resize(workers);
  for (std::vector<SlicePackets>& slices : rig.packets_) {
    for (size_t i = 0; i < (workers > 1 ? kSlicesOfAWorker : 2); ++i) {
      auto packets = SlicePackets::create(rig.near_->parts().buffers());
      if (!packets) return tl::unexpected(packets.error());
      slices.push_back(std::move(*packets));
    }
  }
  return rig;
}

tl::unexpected<Error> ScaleRig::lost() const {
  if (const auto good = near_->check_nothing_lost(); !good) return tl::unexpected(good.error());
  if (const auto good = far_->check_nothing_lost(); !good) return tl::unexpected(good.error());
  return failure("gateways", "packets were lost without being counted");
}

Expected<double> ScaleRig::through(Gateway& gateway, uint16_t from, uint16_t to) {
  double cycles = 0;
  for (SlicePackets& packets : packets_[0]) {
    packets.touch();
    cycles = time_slice([&](size_t number) { gateway.process(from, packets.burst(number)); });
    packets.keep_first(gateway.take_sent(to, packets.all()));
    if (packets.all().size() != kSlicePackets) return lost();
  }
  return cycles;
}

Expected<TwoWays> ScaleRig::time(size_t first, std::span<const uint16_t> inner_bytes) {
  for (SlicePackets& packets : packets_[0]) {
    packets.fill(filling(first, inner_bytes));
    first += kSlicePackets;
  }
  const auto out = through(*near_, kLan, kWan);
  if (!out) return tl::unexpected(out.error());
  const auto in = through(*far_, kWan, kLan);
  if (!in) return tl::unexpected(in.error());
  return TwoWays{*out, *in};
}

// A worker for each core. The first burst of each is not timed; all begin when the last one is there.
Expected<double> ScaleRig::through_together(Gateway& gateway, uint16_t from, std::span<const int> cores) {
  std::atomic<size_t> ready{0};
  std::vector<double> cycles(cores.size());
  const auto work = [&](size_t worker) {
    pin_thread(cores[worker]);
    const auto id = static_cast<uint16_t>(worker);
    std::vector<SlicePackets>& slices = packets_[worker];
    gateway.process(from, slices[0].burst(0), id);
    ready.fetch_add(1);
    while (ready.load() < cores.size()) {
    }
    size_t processed = 0;
    const uint64_t begin = rte_rdtsc();
    for (SlicePackets& packets : slices) {
      const std::span<rte_mbuf*> timed = packets.all().subspan(&packets == &slices[0] ? kBurstCapacity : 0);
      gateway.process(from, timed, id);
      processed += timed.size();
    }
    cycles[worker] = static_cast<double>(rte_rdtsc() - begin) / static_cast<double>(processed);
  };
  std::vector<std::thread> threads;
  for (size_t worker = 0; worker < cores.size(); ++worker) threads.emplace_back(work, worker);
  for (std::thread& thread : threads) thread.join();
  double sum = 0;
  for (const double one : cycles) sum += one;
  return sum / static_cast<double>(cores.size());
}

Expected<TwoWays> ScaleRig::time_together(std::span<const int> cores, uint16_t inner_bytes, Use use) {
  for (size_t worker = 0; worker < cores.size(); ++worker) {
    SlicePackets::Filling own = filling(use == Use::kOneEach ? worker : 0, {&inner_bytes, 1});
    own.stride = own.flows;
    for (SlicePackets& packets : packets_[worker]) packets.fill(own);
  }
  TwoWays both;
  for (const bool outbound : {true, false}) {
    Gateway& gateway = outbound ? *near_ : *far_;
    const auto cycles = through_together(gateway, outbound ? kLan : kWan, cores);
    if (!cycles) return tl::unexpected(cycles.error());
    (outbound ? both.out : both.in) = *cycles;
    for (size_t worker = 0; worker < cores.size(); ++worker) {
      for (SlicePackets& packets : packets_[worker]) {
        const uint16_t to = outbound ? kWan : kLan;
        packets.keep_first(gateway.take_sent(to, packets.all(), static_cast<uint16_t>(worker)));
        if (packets.all().size() != kSlicePackets) return lost();
      }
    }
  }
  return both;
}

}  // namespace spigrp::bench
