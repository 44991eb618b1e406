// See trap_maker.h. A packet that is held counts as punted by the thread that put it where it is, and as injected by
// the one that takes it out.
#include "engine/trap_maker.h"

#include <algorithm>
#include <new>
#include <optional>
#include <utility>

#include <rte_mbuf.h>

#include "packet/ip_packet.h"
#include "sa/sa_edit.h"

namespace spigrp {
namespace {

// The selector of exactly this flow, as far as the packet shows it. Nothing where a selector cannot say it, because a 0
// there means all: such a hold could go before eroutes that are not the flow's.
std::optional<Selector> selector_of(const FlowKey& flow) {
  Selector selector;
  const auto host = [&flow](const std::array<uint8_t, 16>& bytes) {
    const IpAddress address{flow.family, bytes};
    return IpPrefix{address, static_cast<uint8_t>(address.max_bits())};
  };
  selector.source = host(flow.source);
  selector.destination = host(flow.destination);
  if (flow.unknown == UnknownFields::kProtocolAndPorts) return selector;
  if (flow.protocol == 0) return std::nullopt;
  selector.protocol = flow.protocol;
  if (flow.unknown != UnknownFields::kNone) return selector;
  if (has_ports(flow.protocol)) {
    selector.source_port = flow.source_port.host();
    selector.destination_port = flow.destination_port.host();
    if (selector.source_port == 0 || selector.destination_port == 0) return std::nullopt;
  } else if (is_icmp(flow)) {
    selector.icmp_type = static_cast<uint8_t>(flow.source_port.host());
    selector.icmp_code = static_cast<uint8_t>(flow.destination_port.host());
  }
  return selector;
}

bool is_trap(const Eroute& eroute) noexcept {
  const auto* magic = std::get_if<MagicTarget>(&eroute.target);
  return magic != nullptr && (*magic == MagicTarget::kTrap || *magic == MagicTarget::kTrapSubnet);
}

// `keep` throws where there is no memory for what it would keep.
template <class Keep>
void keep_or_drop(WorkerContext& context, rte_mbuf* packet, Keep keep) {
  try {
    keep();
  } catch (const std::bad_alloc&) {
    context.drop(packet, DropReason::no_memory);
  }
}

}  // namespace

void TrapMaker::take(rte_mbuf* packet) {
  if (met_.size() >= kMaxTrapsMet) return context_.drop(packet, DropReason::holds_full);
  met_.push_back(packet);
}

bool TrapMaker::poll(uint64_t now_ns) {
  published_ = false;
  expire(now_ns);
  std::vector<NewHold> holds;
  while (!noted_.empty()) {
    const Noted noted = noted_.begin()->second;
    noted_.erase(noted_.begin());
    keep_or_drop(context_, noted.packet, [&] { hold(noted, holds); });
  }
  serve_met([&](rte_mbuf* packet) { hold({packet, 0}, holds); });
  if (!holds.empty()) make(holds, now_ns);
  serve_released();
  return published_;
}

void TrapMaker::poll_aside() {
  serve_met([this](rte_mbuf* packet) { note(packet); });
  serve_released();
}

template <class Serve>
void TrapMaker::serve_met(Serve serve) {
  while (!met_.empty()) {
    rte_mbuf* const packet = met_.front();
    met_.pop_front();
    keep_or_drop(context_, packet, [&] { serve(packet); });
  }
}

// By the tables as they are now: they may have changed since a worker saw the trap. Nothing: the packet has met none,
// or there is a hold already, and it is on its way.
std::optional<TrapMaker::Met> TrapMaker::sort_out(rte_mbuf* packet) {
  const ParsedIp parsed = parse_ip(packet);
  if (!parsed.ok) {
    context_.drop(packet, parsed.reason);
    return std::nullopt;
  }
  const FlowKey key = flow_key(packet, parsed.ip);
  const ErouteTable::Found found = network_.sas.eroutes().find(key, network_.versions.published());
  if (found.eroute == nullptr || found.unclear || !(is_trap(*found.eroute) || found.eroute->held)) {
    route_anew(packet);
    return std::nullopt;
  }
  if (found.eroute->held) {
    keep(*found.eroute->held, packet);
    return std::nullopt;
  }
  const Selector& trap = found.eroute->selector;
  const bool in_its_place = found.eroute->target == ErouteTarget(MagicTarget::kTrapSubnet);
  const std::optional<Selector> flow = in_its_place ? trap : selector_of(key);
  if (!flow) {
    context_.drop(packet, DropReason::eroute_hold);
    return std::nullopt;
  }
  return Met{*flow, trap, found.eroute->pointed_by};
}

// As a hold would: the last packet stays, and one event tells of the flow until its trap is set anew.
void TrapMaker::note(rte_mbuf* packet) {
  const std::optional<Met> met = sort_out(packet);
  if (!met) return;
  if (network_.sas.trap_holds().size() + noted_.size() >= kMaxTrapHolds && !noted_.contains(met->flow)) {
    return context_.drop(packet, DropReason::holds_full);
  }
  const auto [flow, is_new] = noted_.try_emplace(met->flow, Noted{packet, 0});
  Noted& noted = flow->second;
  if (!is_new) context_.drop(std::exchange(noted.packet, packet), DropReason::eroute_hold);
  if (noted.told_of == met->trap_number) return;
  events_.add(AcquireEvent{met->flow, met->trap});
  noted.told_of = met->trap_number;
}

void TrapMaker::hold(const Noted& noted, std::vector<NewHold>& holds) {
  const std::optional<Met> met = sort_out(noted.packet);
  if (!met) return;
  const auto known =
      std::find_if(holds.begin(), holds.end(), [&](const NewHold& hold) { return hold.flow == met->flow; });
  if (known != holds.end()) return known->packets.push_back(noted.packet);
  if (network_.sas.trap_holds().size() + holds.size() >= kMaxTrapHolds) {
    return context_.drop(noted.packet, DropReason::holds_full);
  }
  holds.push_back({met->flow, met->trap, {noted.packet}, noted.told_of == met->trap_number});
}

void TrapMaker::make(std::vector<NewHold>& holds, uint64_t now_ns) {
  std::optional<SaEdit> edit;
  bool is_staged = false;
  try {
    edit.emplace(network_.sas, network_.versions);
    is_staged = stage(*edit, holds, now_ns);
  } catch (const std::bad_alloc&) {
    for (const NewHold& hold : holds) {
      for (rte_mbuf* packet : hold.packets) context_.drop(packet, DropReason::no_memory);
    }
  }
  if (!is_staged) return;  // what was reserved and given back waits for the next publish
  edit->link();
  // Before any worker can put a later one there.
  auto due = due_.end() - static_cast<ptrdiff_t>(holds.size());
  for (const NewHold& hold : holds) {
    const Eroute* made = network_.sas.eroutes().newest(hold.flow);
    for (rte_mbuf* packet : hold.packets) keep(*made->held, packet);
    (due++)->made_by = made->pointed_by;
    if (!hold.is_told) events_.add(AcquireEvent{hold.flow, hold.trap});
  }
  network_.versions.publish();
  published_ = true;
}

// All that may find no memory, so that nothing is left of that for when they are linked. False: there is no hold among
// them.
bool TrapMaker::stage(SaEdit& edit, std::vector<NewHold>& holds, uint64_t now_ns) {
  for (NewHold& hold : holds) {
    if (edit.hold_for_trap(hold.flow, hold.trap)) continue;
    for (rte_mbuf* packet : hold.packets) context_.drop(packet, DropReason::holds_full);
    hold.packets.clear();
  }
  std::erase_if(holds, [](const NewHold& hold) { return hold.packets.empty(); });
  for (const NewHold& hold : holds) due_.push_back({now_ns + kTrapHoldNs, hold.flow, 0});
  return !holds.empty();
}

// Where there is no memory for it they stay due.
void TrapMaker::expire(uint64_t now_ns) {
  std::optional<SaEdit> edit;
  auto due = due_.begin();
  try {
    for (; due != due_.end() && due->at_ns <= now_ns; ++due) {
      const auto hold = network_.sas.trap_holds().find(due->flow);
      const bool is_there = hold != network_.sas.trap_holds().end() && hold->second.made_by == due->made_by;
      if (!is_there) continue;  // replaced meanwhile
      if (!edit) edit.emplace(network_.sas, network_.versions);
      edit->expire_hold(due->flow);
    }
  } catch (const std::bad_alloc&) {
    return;
  }
  if (edit) {
    edit->link();
    network_.versions.publish();
    published_ = true;
  }
  due_.erase(due_.begin(), due);
}

void TrapMaker::keep(HeldPacket& held, rte_mbuf* packet) noexcept {
  context_.counters->punted.add(1);
  rte_mbuf* const left = held.put_late(packet);
  if (left == nullptr) return;
  context_.counters->injected.add(1);
  context_.drop(left, DropReason::eroute_hold);
}

// What no queue takes now goes at the next poll.
void TrapMaker::serve_released() noexcept {
  for (const ReleasedPackets::Released& released : network_.sas.released().take()) {
    if (released.expired) {
      context_.counters->injected.add(1);
      context_.drop(released.packet, DropReason::eroute_hold);
    } else {
      let_go(released.packet);
    }
  }
  const auto stays =
      std::find_if_not(going_.begin(), going_.end(), [this](rte_mbuf* packet) { return resume(packet); });
  going_.erase(going_.begin(), stays);
}

void TrapMaker::route_anew(rte_mbuf* packet) noexcept {
  context_.counters->punted.add(1);  // until resume() takes it over again
  let_go(packet);
}

void TrapMaker::let_go(rte_mbuf* packet) noexcept {
  try {
    going_.push_back(packet);
  } catch (const std::bad_alloc&) {
    context_.counters->injected.add(1);
    context_.drop(packet, DropReason::no_memory);
  }
}

bool TrapMaker::resume(rte_mbuf* packet) noexcept {
  next_worker_ = (next_worker_ + 1) % queues_.size();
  if (!queues_[next_worker_].resumed.push(packet)) return false;
  context_.counters->injected.add(1);
  context_.counters->punted.add(1);
  return true;
}

void TrapMaker::end() noexcept {
  const auto drop_taken = [this](rte_mbuf* packet) { context_.drop(packet, DropReason::shutting_down); };
  const auto drop = [&](rte_mbuf* packet) {
    context_.counters->injected.add(1);
    drop_taken(packet);
  };
  for (rte_mbuf* packet : met_) drop_taken(packet);
  met_.clear();
  for (const auto& [flow, noted] : noted_) drop_taken(noted.packet);
  noted_.clear();
  while (network_.versions.reclaim() > 0) {
  }
  const ErouteTable& eroutes = network_.sas.eroutes();
  for (Slot slot = 0; slot < eroutes.slot_count(); ++slot) {
    const Eroute* eroute = eroutes.newest_at(slot);
    if (eroute == nullptr || !eroute->held) continue;
    if (rte_mbuf* packet = eroute->held->take()) drop(packet);
  }
  for (const ReleasedPackets::Released& released : network_.sas.released().take()) drop(released.packet);
  for (rte_mbuf* packet : going_) drop(packet);
  going_.clear();
  for (WorkerQueues& queue : queues_) {
    rte_mbuf* packet;
    while (queue.resumed.pop(&packet, 1) == 1) drop(packet);
  }
}

}  // namespace spigrp
