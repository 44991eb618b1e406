// Hostile packets: the checked length reader over any bytes. What it returns must lie within the packet.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <rte_mbuf.h>

#include "packet/ip_packet.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > UINT16_MAX) return 0;
  // A buffer of exactly this size, so that AddressSanitizer sees the first byte that is read beyond it.
  const std::unique_ptr<uint8_t[]> buffer(new uint8_t[size]);
  if (size > 0) std::memcpy(buffer.get(), data, size);
  rte_mbuf packet{};
  packet.buf_addr = buffer.get();
  packet.buf_len = packet.data_len = static_cast<uint16_t>(size);
  packet.pkt_len = static_cast<uint32_t>(size);
  packet.nb_segs = 1;
  const spigrp::ParsedIp parsed = spigrp::parse_ip(&packet);
  if (!parsed.ok) return 0;
  if (parsed.ip.total_bytes > size || parsed.ip.header_bytes > parsed.ip.total_bytes ||
      parsed.ip.next_header_offset >= parsed.ip.header_bytes) {
    abort();
  }
  const spigrp::FlowKey key = spigrp::flow_key(&packet, parsed.ip);
  if (!(spigrp::reversed(spigrp::reversed(key)) == key)) abort();
  return 0;
}
