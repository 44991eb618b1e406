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

}  // namespace spigrp
