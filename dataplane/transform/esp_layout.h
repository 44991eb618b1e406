// Where the parts of an ESP packet are, and the job over them. For esp.cpp, and for tunnel_esp.cpp, which puts a tunnel
// header on in the same go.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>

#include <rte_mbuf.h>

#include "packet/burst.h"
#include "packet/ip_packet.h"
#include "sa/sa.h"
#include "transform/step_burst.h"

namespace spigrp {

inline constexpr uint8_t kRandomIvBytes = 16;  // what random_ivs makes, whatever the cipher takes of it

// RFC 4303 section 2.4: padding is 1, 2, 3 …
inline constexpr std::array<uint8_t, 255> kPadding = [] {
  std::array<uint8_t, 255> padding{};
  for (unsigned i = 0; i < padding.size(); ++i) padding[i] = static_cast<uint8_t>(i + 1);
  return padding;
}();

// With extended sequence numbers: what is authenticated or compared and does not lie in the packet, by the packet's
// place in the burst.
union UnsentBytes {
  struct {
    be32 spi, upper, lower;
  } aad;
  uint8_t received_icv[kMaxIcvBytes];
};
static_assert(sizeof(UnsentBytes::aad) == 12);

enum class Purpose : uint8_t { kProtect, kVerify };

inline bool takes_random_iv(const Sa& sa) noexcept {
  return sa.esp_job.takes_random_iv;
}

// In front of the payload.
inline uint16_t head_bytes(const Sa& sa) noexcept {
  return static_cast<uint16_t>(sa.udp_bytes + sizeof(EspHeader) + sa.iv_bytes);
}

inline uint32_t fixed_bytes(const Sa& sa) noexcept {
  return uint32_t{head_bytes(sa)} + sa.icv_bytes;
}

inline EspHeader* esp_of(const BurstEntry& entry, const IpPacket& ip) noexcept {
  return rte_pktmbuf_mtod_offset(entry.packet, EspHeader*, ip.header_bytes + entry.sa->udp_bytes);
}

inline be32 upper_half(uint64_t sequence) noexcept {
  return be32::from_host(static_cast<uint32_t>(sequence >> 32));
}

// The authenticator's job gets the upper half behind the ciphertext: where the ICV goes, or came.
template <Purpose purpose>
void authenticate_upper_half(const BurstEntry& entry, CryptoJob& job, UnsentBytes& unsent) noexcept {
  if constexpr (purpose == Purpose::kVerify) {
    std::memcpy(unsent.received_icv, job.icv, entry.sa->icv_bytes);
  }
  const be32 upper = upper_half(entry.sequence);
  std::memcpy(job.icv, &upper, sizeof(upper));
  job.auth_bytes += static_cast<uint32_t>(sizeof(upper));
  if constexpr (purpose == Purpose::kVerify) job.icv = unsent.received_icv;
}

// With extended sequence numbers: the upper half is authenticated, and not in the packet.
template <Purpose purpose>
void add_upper_half(const BurstEntry& entry, const EspHeader& esp, UnsentBytes& unsent, CryptoJob& job) noexcept {
  if (!entry.sa->esp_job.is_combined) return authenticate_upper_half<purpose>(entry, job, unsent);
  unsent.aad = {esp.spi, upper_half(entry.sequence), esp.sequence};
  job.auth_start = reinterpret_cast<const uint8_t*>(&unsent.aad);
  job.auth_bytes = sizeof(unsent.aad);
}

// The job over an ESP header and the `text_bytes` that lie behind its IV.
template <Purpose purpose>
void make_job(const BurstEntry& entry, EspHeader* esp, uint32_t text_bytes, UnsentBytes& unsent,
              CryptoJob& job) noexcept {
  const Sa& sa = *entry.sa;
  const EspJobForm& form = sa.esp_job;
  auto* start = reinterpret_cast<uint8_t*>(esp);
  uint8_t* iv = start + sizeof(EspHeader);
  job.keys = sa.keys->expanded();
  job.cipher_start = start + form.cipher_offset;
  job.cipher_bytes = form.ciphers ? text_bytes + form.cipher_more : 0;
  job.iv = iv;
  job.auth_start = start;
  job.auth_bytes = form.auth_bytes + (form.auth_has_text ? text_bytes : 0);
  job.icv = iv + sa.iv_bytes + text_bytes;
  if (sa.extended_sequence) [[unlikely]]
    add_upper_half<purpose>(entry, *esp, unsent, job);
}

// CBC: unpredictable (RFC 3602 section 3).
inline void put_iv(const BurstEntry& entry, const uint8_t* random_iv, uint8_t* iv) noexcept {
  const Sa& sa = *entry.sa;
  if (takes_random_iv(sa)) {
    std::memcpy(iv, random_iv, sa.iv_bytes);
  } else if (sa.iv_bytes != 0) {
    const be64 counter = sa.counted_iv(entry.sequence);
    std::memcpy(iv, &counter, sizeof(counter));
  }
}

// Of the outer IPv4 header around the packet with this number: the end of its counted_iv(), whether it carries that or
// not. It tells fragments of this SA's packets apart, and begins anywhere for those of another (RFC 6864 section 4.3).
inline uint16_t identification_of(const Sa& esp, uint64_t number) noexcept {
  return static_cast<uint16_t>(number ^ esp.iv_offset);
}

// Between the payload and the trailer. Block sizes are powers of two.
inline uint32_t padding_bytes(const Sa& sa, uint32_t payload_bytes) noexcept {
  return -(payload_bytes + static_cast<uint32_t>(sizeof(EspTrailer))) & (sa.block_bytes - 1u);
}

// Padding and trailer, behind the payload. What is behind them belongs to the ICV.
inline void put_trailer(const Sa& sa, char* tail, uint32_t pad_bytes, uint8_t next_header) noexcept {
  if (sa.block_bytes <= 4 && sa.icv_bytes >= 4) [[likely]] {
    // Padding, its length and the next header are at most five bytes: one store, into the ICV's place too.
    const uint64_t padding = 0x030201u & ((1u << 8 * pad_bytes) - 1);
    const uint64_t trailer = padding | (pad_bytes | uint64_t{next_header} << 8) << 8 * pad_bytes;
    std::memcpy(tail, &trailer, sizeof(trailer));
    return;
  }
  if (sa.block_bytes <= 16 && sa.icv_bytes >= 12) {
    std::memcpy(tail, kPadding.data(), 16);
  } else {
    std::memcpy(tail, kPadding.data(), pad_bytes);
  }
  const EspTrailer trailer{static_cast<uint8_t>(pad_bytes), next_header};
  std::memcpy(tail + pad_bytes, &trailer, sizeof(trailer));
}

// RFC 4303 section 2.4: that padding is as it should be. `end`: behind it; in front of it at least as much is readable
// as a header and an IV take.
inline bool padding_is_sound(const uint8_t* end, uint32_t pad_bytes) noexcept {
  uint64_t last;
  constexpr uint32_t kAtOnce = 6;
  if (pad_bytes > kAtOnce) return std::memcmp(end - pad_bytes, kPadding.data(), pad_bytes) == 0;
  std::memcpy(&last, end - sizeof(last), sizeof(last));
  const uint64_t wanted = 0x060504030201u & ((uint64_t{1} << 8 * pad_bytes) - 1);
  return pad_bytes == 0 || last >> 8 * (sizeof(last) - pad_bytes) == wanted;
}

// What the end of the decrypted text says: next header, pad length, padding. `text_bytes` is at least the trailer's.
inline Verdict read_trailer(const uint8_t* text, uint32_t text_bytes, EspTrailer& trailer) noexcept {
  const uint32_t padded_bytes = text_bytes - static_cast<uint32_t>(sizeof(EspTrailer));
  std::memcpy(&trailer, text + padded_bytes, sizeof(trailer));
  if (trailer.pad_length > padded_bytes || !padding_is_sound(text + padded_bytes, trailer.pad_length)) {
    return DropReason::bad_padding;
  }
  return trailer.next_header == kProtocolNoNext ? Verdict(DropReason::dummy) : Verdict::keep();
}

}  // namespace spigrp
