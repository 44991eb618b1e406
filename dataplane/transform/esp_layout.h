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
  return sa.keys->algorithm().cipher->takes_random_iv();
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

// The job over an ESP header and the `text_bytes` that lie behind its IV.
template <Purpose purpose>
void make_job(const BurstEntry& entry, EspHeader* esp, uint32_t text_bytes, UnsentBytes& unsent,
              CryptoJob& job) noexcept {
  const Sa& sa = *entry.sa;
  auto* start = reinterpret_cast<uint8_t*>(esp);
  uint8_t* iv = start + sizeof(EspHeader);
  uint8_t* text = iv + sa.iv_bytes;
  const Cipher& cipher = *sa.keys->algorithm().cipher;
  job.keys = &*sa.keys;
  job.cipher_start = text;
  job.cipher_bytes = cipher.mode == CipherMode::kNull ? 0 : text_bytes;
  job.iv = iv;
  job.auth_start = start;
  job.auth_bytes = static_cast<uint32_t>(sizeof(EspHeader));  // the AAD: SPI and sequence number
  job.icv = text + text_bytes;
  if (!cipher.is_combined()) {
    job.auth_bytes = static_cast<uint32_t>(sizeof(EspHeader)) + sa.iv_bytes + text_bytes;
    if (sa.extended_sequence) [[unlikely]]
      authenticate_upper_half<purpose>(entry, job, unsent);
    return;
  }
  if (cipher.mode == CipherMode::kAesGmac) {  // RFC 4543 section 3.3: the IV is authenticated too
    job.cipher_start = iv;
    job.cipher_bytes = text_bytes + sa.iv_bytes;
  }
  if (sa.extended_sequence) [[unlikely]] {
    unsent.aad = {esp->spi, upper_half(entry.sequence), esp->sequence};
    job.auth_start = reinterpret_cast<const uint8_t*>(&unsent.aad);
    job.auth_bytes = sizeof(unsent.aad);
  }
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

// What the end of the decrypted text says: next header, pad length, padding. `text_bytes` is at least the trailer's.
inline Verdict read_trailer(const uint8_t* text, uint32_t text_bytes, EspTrailer& trailer) noexcept {
  const uint32_t padded_bytes = text_bytes - static_cast<uint32_t>(sizeof(EspTrailer));
  std::memcpy(&trailer, text + padded_bytes, sizeof(trailer));
  if (trailer.pad_length > padded_bytes) return DropReason::bad_padding;
  const uint8_t* padding = text + padded_bytes - trailer.pad_length;
  bool is_sound = true;
  for (uint32_t i = 0; i < trailer.pad_length; ++i) is_sound = is_sound && padding[i] == kPadding[i];
  if (!is_sound) return DropReason::bad_padding;
  return trailer.next_header == kProtocolNoNext ? Verdict(DropReason::dummy) : Verdict::keep();
}

}  // namespace spigrp
