// See tunnel_in_esp.h.
#include "sa/tunnel_in_esp.h"

#include <cstring>

#include "packet/traffic_class.h"
#include "sa/sa.h"

namespace spigrp {
namespace {

template <class Header>
uint64_t front_of(const Header& header) noexcept {
  uint64_t front;
  std::memcpy(&front, &header, sizeof(front));
  return front;
}

bool has_usual_job(const Sa& esp) noexcept {
  const EspJobForm& form = esp.esp_job;
  return form.is_combined && form.ciphers && form.cipher_offset == sizeof(EspHeader) + kCountedIvBytes &&
         form.cipher_more == 0 && form.auth_bytes == sizeof(EspHeader) && !form.auth_has_text && !form.takes_random_iv;
}

}  // namespace

TunnelInEsp::TunnelInEsp(Sa& tun, Sa& around) noexcept
    : tunnel(&tun),
      esp(&around),
      keys(around.keys->expanded()),
      iv_offset(around.iv_offset),
      spi(around.spi),
      icv_bytes(around.icv_bytes),
      expires(tun.lifetime != nullptr || around.lifetime != nullptr) {
  const TunnelTemplate& outer = tun.tunnel;
  const bool has_usual_sizes = around.iv_bytes == kCountedIvBytes && around.block_bytes == 4 && icv_bytes >= 8;
  if (outer.copies_ttl || !has_usual_job(around) || !has_usual_sizes) return;
  if (outer.family == Family::kIpv4) {
    Ipv4Header fixed{}, copied{};
    fixed.version_ihl = outer.ipv4.version_ihl;
    fixed.tos = outer.traffic_class;
    fixed.flags_fragment = outer.ipv4.flags_fragment;
    copied.tos = outer.copied_traffic_class_bits;
    copied.flags_fragment = be16::from_host(outer.copied_flags);
    outer_front = front_of(fixed);
    copied_front = front_of(copied);
    std::memcpy(&outer_ipv4_addresses, outer.ipv4.source.data(), sizeof(outer_ipv4_addresses));
    outer_ttl = outer.ipv4.ttl;
    form = around.extended_sequence ? Form::kIpv4Extended : Form::kIpv4;
    return;
  }
  Ipv6Header fixed = outer.ipv6, copied{};
  set_traffic_class(fixed, outer.traffic_class);
  fixed.next_header = kProtocolEsp;
  set_traffic_class(copied, outer.copied_traffic_class_bits);
  outer_front = front_of(fixed);
  copied_front = front_of(copied);
  form = around.extended_sequence ? Form::kIpv6Extended : Form::kIpv6;
}

void TunnelInEsp::prefetch_outbound() const noexcept {
  prefetch_near(&esp->sequence);
  prefetch_near(&tunnel->sequence);
  prefetch_near(keys);
  if (form == Form::kIpv4) return;
  prefetch_near(&tunnel->tunnel);
  if (!is_usual()) prefetch_near(&esp->overhead);
}

void TunnelInEsp::prefetch_inbound() const noexcept {
  prefetch_outbound();
  prefetch_near(&esp->replay);
}

}  // namespace spigrp
