// See worker.h.
#include "engine/worker.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_pause.h>

#include "engine/receive.h"
#include "packet/ip_packet.h"

namespace spigrp {
namespace {

constexpr uint32_t kPollsBeforeSleep = 32;  // empty ones in a row
constexpr uint32_t kShortestSleepNs = 5'000, kLongestSleepNs = 100'000;

}  // namespace

Worker::Worker(const Network& network, WorkerParts parts)
    : network_(network),
      crypto_(std::move(parts.crypto)),
      notices_(std::move(parts.notices), rte_get_tsc_hz()),
      queues_(parts.queues),
      context_{.id = parts.id,
               .crypto = crypto_.get(),
               .packet_buffers = parts.buffers.ordinary,
               .counters = &counters_,
               .generation = network.versions.published(),
               .now_tsc = rte_rdtsc(),
               .deflate = &deflate_,
               .notices = &notices_,
               .large_buffers = parts.buffers.large,
               .writers = parts.queues.size() == 1 ? Writers::kOne : Writers::kMany,
               .deferred = parts.queues.size() == 1 ? nullptr : &deferred_},
      transmitter_(context_, network, parts.queues),
      local_(context_, network, transmitter_),
      outbound_(context_, network, local_, transmitter_),
      inbound_(context_, network, {parts.max_fragments, parts.flow_cache_entries}),
      forwarding_(context_, network, {local_, outbound_, inbound_, transmitter_}, parts.flow_cache_entries) {}

void Worker::process(uint16_t port, rte_mbuf** frames, uint16_t count) noexcept {
  for (uint16_t done = 0; done < count;) {
    const uint16_t now = std::min<uint16_t>(kBurstCapacity, static_cast<uint16_t>(count - done));
    process_burst(port, frames + done, now);
    deferred_.end_turn();
    done = static_cast<uint16_t>(done + now);
  }
  deferred_.settle();
}

// Every lookup of a burst is made at one generation.
void Worker::begin_burst() noexcept {
  context_.generation = network_.versions.published();
  context_.now_tsc = rte_rdtsc();
}

void Worker::process_burst(uint16_t port, rte_mbuf** frames, uint16_t count) noexcept {
  begin_burst();
  inbound_.reassembly().expire();
  receive_frames(context_, network_.ports[port], port, frames, count, transmitter_, plain_);
  route();
}

void Worker::route() noexcept {
  // Once for what was received, then for what came out of groups and for the gateway's own answers.
  for (PlainBurst *now = &plain_, *next = &next_; !now->empty(); std::swap(now, next)) {
    forwarding_.route(*now, *next);
    outbound_.run();
    inbound_.run(*next);
  }
  transmitter_.flush();
}

uint32_t Worker::poll() noexcept {
  if (!inbound_.reassembly().empty()) [[unlikely]] {
    begin_burst();
    inbound_.reassembly().expire();
  }
  uint32_t packets = send_frames_of_others() + resume_held();
  const auto ports = static_cast<uint16_t>(network_.ports.size());
  for (uint16_t port = 0; port < ports; ++port) {
    const uint16_t queue = network_.ports[port].share(context_.id).receive;
    if (queue == kNoQueue) continue;
    rte_mbuf* frames[kBurstCapacity];
    const uint16_t count = rte_eth_rx_burst(network_.ports[port].device_id(), queue, frames, kBurstCapacity);
    if (count == 0) continue;
    process_burst(port, frames, count);
    cycles_.bursts.add(1);
    packets += count;
  }
  return packets;
}

uint32_t Worker::send_frames_of_others() noexcept {
  const uint32_t packets = send_from(queues_[context_.id].injected) + send_from(queues_[context_.id].handed_over);
  if (packets > 0) transmitter_.flush();
  return packets;
}

uint32_t Worker::resume_held() noexcept {
  Ring<rte_mbuf*>& resumed = queues_[context_.id].resumed;
  if (resumed.empty()) [[likely]] {
    return 0;
  }
  rte_mbuf* packets[kBurstCapacity];
  const uint16_t count = resumed.pop(packets, kBurstCapacity);
  begin_burst();
  counters_.injected.add(count);
  for (uint16_t i = 0; i < count; ++i) {
    const ParsedIp parsed = parse_ip(packets[i]);
    if (parsed.ok) {
      plain_.push(held_packet(packets[i], parsed.ip));
    } else {
      context_.drop(packets[i], parsed.reason);
    }
  }
  route();
  return count;
}

uint32_t Worker::send_from(Ring<Frame>& ring) noexcept {
  Frame frames[kBurstCapacity];
  const uint16_t count = ring.pop(frames, kBurstCapacity);
  if (count == 0) return 0;
  counters_.injected.add(count);
  for (uint16_t i = 0; i < count; ++i) transmitter_.send_frame(frames[i]);
  return count;
}

uint32_t Worker::turn() noexcept {
  if (deferred_.empty()) network_.versions.quiescent(context_.id);
  const uint32_t packets = poll();
  if (packets == 0) {
    deferred_.settle();
  } else {
    deferred_.end_turn();
  }
  return packets;
}

void Worker::run(IdlePolicy idle, const std::atomic<bool>& stopping) noexcept {
  network_.versions.online(context_.id);
  uint64_t since = rte_rdtsc();
  uint32_t empty_polls = 0, sleep_ns = kShortestSleepNs;
  while (!stopping.load(std::memory_order_relaxed)) {
    const bool busy = turn() > 0;
    if (busy) {
      empty_polls = 0;
      sleep_ns = kShortestSleepNs;
    } else if (idle == IdlePolicy::kPoll || ++empty_polls < kPollsBeforeSleep) {
      rte_pause();
    } else {
      sleep(sleep_ns);
      sleep_ns = std::min(2 * sleep_ns, kLongestSleepNs);
    }
    const uint64_t now = rte_rdtsc();
    (busy ? cycles_.busy : cycles_.idle).add(now - since);
    since = now;
  }
  deferred_.settle();
  network_.versions.offline(context_.id);
}

// Nobody waits for a sleeping worker.
void Worker::sleep(uint32_t ns) noexcept {
  network_.versions.offline(context_.id);
  const timespec duration{.tv_sec = 0, .tv_nsec = static_cast<long>(ns)};
  nanosleep(&duration, nullptr);
  network_.versions.online(context_.id);
}

}  // namespace spigrp
