// What an AH packet has at which place, for ah.cpp and usual_ah.h.
#pragma once

#include <cstring>

#include <rte_mbuf.h>

#include "crypto/crypto_engine.h"
#include "packet/burst.h"
#include "sa/sa.h"

namespace spigrp {

inline uint8_t ah_length_field(const Sa& sa) noexcept {
  return static_cast<uint8_t>(sa.ah_header_bytes / 4 - 2);  // RFC 4302 section 2.2
}

// The upper half of an extended sequence number is behind the packet for the computation: admitted with room for it.
inline void put_upper_half(const BurstEntry& entry) noexcept {
  if (!entry.sa->extended_sequence) [[likely]]
    return;
  const be32 upper = be32::from_host(static_cast<uint32_t>(entry.sequence >> 32));
  std::memcpy(rte_pktmbuf_append(entry.packet, kUpperSequenceBytes), &upper, sizeof(upper));
}

inline void take_upper_half_off(const BurstEntry& entry) noexcept {
  if (entry.sa->extended_sequence) [[unlikely]]
    rte_pktmbuf_trim(entry.packet, kUpperSequenceBytes);
}

// The job over a whole packet, which gets its upper half.
inline void make_ah_job(const BurstEntry& entry, const uint8_t* iv, uint8_t* icv, CryptoJob& job) noexcept {
  put_upper_half(entry);
  job.keys = entry.sa->keys->expanded();
  job.cipher_start = nullptr;
  job.cipher_bytes = 0;
  job.iv = iv;
  job.auth_start = rte_pktmbuf_mtod(entry.packet, const uint8_t*);
  job.auth_bytes = rte_pktmbuf_pkt_len(entry.packet);
  job.icv = icv;
}

}  // namespace spigrp
