// See flow_cache.h.
#include "engine/flow_cache.h"

namespace spigrp {

namespace {

struct IcmpPair {
  uint8_t query, reply;
};
constexpr IcmpPair kIcmpPairs[] = {{8, 0}, {13, 14}, {15, 16}, {17, 18}};              // RFC 792, RFC 950
constexpr IcmpPair kIcmpv6Pairs[] = {{128, 129}, {139, 140}, {144, 145}, {146, 147}};  // RFC 4443, 4620, 6275

// The flow of what an ICMP message answers, or is answered by; itself where there is none.
FlowKey icmp_counterpart(FlowKey flow) noexcept {
  if (!is_icmp(flow) || flow.unknown != UnknownFields::kNone) return flow;
  const uint16_t type = flow.source_port.host();
  for (const IcmpPair& pair : flow.family == Family::kIpv4 ? kIcmpPairs : kIcmpv6Pairs) {
    if (type == pair.query) flow.source_port = be16::from_host(pair.reply);
    if (type == pair.reply) flow.source_port = be16::from_host(pair.query);
  }
  return flow;
}

}  // namespace

FlowCache::FlowCache(uint32_t entries) : entries_(entries), mask_(entries - 1) {}

FlowPolicy FlowCache::look_up(const FlowKey& flow, const SaTables& sas, Generation g) noexcept {
  const ErouteTable& eroutes = sas.eroutes();
  const FlowKey reverse = reversed(flow);
  const ErouteTable::Found there = eroutes.find(flow, g);
  ErouteTable::Found back = eroutes.find(reverse, g);
  // Type and code are those of the packet, both ways. But where no eroute names its type, what answers a query that
  // goes out protected must not come in the clear, nor a query whose answer goes out so.
  const FlowKey counterpart = icmp_counterpart(reverse);
  if (!(counterpart == reverse) && !demands_protection(back.eroute) &&
      !(back.eroute != nullptr && back.eroute->selector.icmp_type && !back.eroute->by_trap)) [[unlikely]] {
    const ErouteTable::Found other = eroutes.find(counterpart, g);
    if (demands_protection(other.eroute)) back.eroute = other.eroute;
  }
  return {there.eroute, back.eroute, there.unclear || back.unclear};
}

void FlowCache::learn_policies(std::span<const HashedFlow> flows, const SaTables& sas,
                               const ChangeStamps& now) noexcept {
  constexpr size_t kMostFlows = ErouteTable::kMostAtOnce / 2;
  const HashedFlow* unknown[kMostFlows];
  FlowKey keys[2 * kMostFlows];  // those there, and then those back
  size_t count = 0;
  for (const HashedFlow& flow : flows) {
    const bool is_of_the_same = count > 0 && unknown[count - 1]->hash == flow.hash;
    if (is_of_the_same || count == kMostFlows || has_policy(flow, now)) continue;
    const FlowKey key = key_of(flow.words);
    if (key.unknown != UnknownFields::kNone || is_icmp(key)) continue;
    keys[count] = key;
    unknown[count++] = &flow;
  }
  if (count < 2) return;  // look_up() does as well
  for (size_t i = 0; i < count; ++i) keys[count + i] = reversed(keys[i]);
  const Eroute* eroutes[2 * kMostFlows];
  sas.eroutes().find_all({keys, 2 * count}, now.at, eroutes);
  for (size_t i = 0; i < count; ++i) {
    learn(*unknown[i], {eroutes[i], eroutes[count + i], false}, now);
    if (eroutes[i] != nullptr) sas.eroutes().prefetch_count(eroutes[i]->slot);
  }
  sas.prefetch_targets({eroutes, 2 * count}, now.at);
}

}  // namespace spigrp
