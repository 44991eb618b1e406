// Sa: one Security Association as the dataplane holds it (RFC 4301 section 4.4.2.1). The first part is decided when it
// is made and never changes; the rest is written by workers while packets pass. Groups and tables point at it;
// regrouping never copies it, so its sequence number never goes back.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "config/error.h"
#include "config/sa_spec.h"
#include "crypto/key_schedule.h"
#include "packet/headers.h"
#include "sa/compression_trials.h"
#include "sa/lifetime.h"
#include "sa/replay_window.h"
#include "sa/sequence.h"
#include "sa/udp_ports.h"
#include "state/prefetch.h"
#include "state/writers.h"

namespace spigrp {

inline constexpr std::string_view kCompressionAlgorithm = "deflate";  // of comp SAs, the one there is (RFC 2394)

inline constexpr uint8_t kCountedIvBytes = 8;  // of ciphers whose IV need only never come twice: Sa::counted_iv()

// Bytes that one transform can add to a packet.
struct Overhead {
  uint16_t head_bytes;
  uint16_t tail_bytes;
};

// The upper half of an extended sequence number is authenticated, not sent. AH puts it behind the packet for that time.
inline constexpr uint16_t kUpperSequenceBytes = 4;

// The outer header of a tun SA, ready to be copied, with what its packets have in common; lengths, identification,
// checksum and what is copied from the inner header are filled in per packet. The flow label of IPv6 is 0: a hash of
// the inner flow (RFC 6438) would show who talks how much inside, and spread an SA over paths that its replay window
// would have to bridge.
struct TunnelTemplate {
  Family family;
  uint8_t traffic_class;              // what of it is fixed
  uint8_t copied_traffic_class_bits;  // DSCP, ECN
  uint16_t copied_flags;              // DF or nothing; of IPv4
  bool copies_ttl;
  union {
    Ipv4Header ipv4;
    Ipv6Header ipv6;
  };
};

// What the crypto job over an ESP packet covers, from the ESP header on.
struct EspJobForm {
  uint8_t cipher_offset = 0;   // where it begins to encrypt: behind the IV; GMAC, which authenticates it too: at the IV
  uint8_t cipher_more = 0;     // bytes between there and the text
  bool ciphers = false;        // if not, nothing goes to the cipher
  uint8_t auth_bytes = 0;      // what is authenticated beside the text: the AAD, or the header and the IV
  bool auth_has_text = false;  // the text is authenticated like that too: not by a combined mode's cipher
  bool is_combined = false;    // extended sequence numbers then are in the AAD, else behind the text
  bool takes_random_iv = false;  // Cipher's
};

// Per SA; added to by any worker, relaxed.
struct SaCounters {  // worker: rw, control: ro
  std::atomic<uint64_t> packets{0};
  std::atomic<uint64_t> bytes{0};           // of the packet before encapsulation, after decapsulation
  std::atomic<uint64_t> first_used_tsc{0};  // 0: never used
  std::atomic<uint64_t> last_used_tsc{0};
  std::atomic<uint64_t> authentication_failures{0};
  std::atomic<uint64_t> replays{0};         // seen before
  std::atomic<uint64_t> outside_window{0};  // too old
  std::atomic<uint64_t> malformed{0};       // length, padding, next header
  std::atomic<uint64_t> exhausted{0};       // not sent: no sequence number left
  std::atomic<uint64_t> expired{0};         // came when its lifetime was over
  // comp: of the same packets as `bytes`, on the compressed side
  std::atomic<uint64_t> compressed_bytes{0};

  // worker: once for each run of packets of this SA in a burst, or of some bursts (DeferredUses)
  void note_use(uint64_t packets_now, uint64_t bytes_now, uint64_t now_tsc, Writers writers) noexcept {
    add_to(packets, packets_now, writers);
    add_to(bytes, bytes_now, writers);
    if (first_used_tsc.load(std::memory_order_relaxed) == 0) first_used_tsc.store(now_tsc, std::memory_order_relaxed);
    last_used_tsc.store(now_tsc, std::memory_order_relaxed);
  }
};

// What is written down of an SA's sequence numbers for another process to go on with (control/number_keeper.h).
struct SequenceMarks {
  uint64_t reserve_ahead = 0;  // numbers to send that are reserved at once; 0: the usual ones
  uint64_t reserved_at_s = 0;  // when that was last
  uint64_t began_sent = 0;     // the number with which the SA began here
  bool stored_now = false;     // written down by this process
  bool replaces = false;       // it was made in the place of another: with the same keys it goes on
  uint64_t received_seen = 0;  // highest number received when it was last looked at
  uint64_t received_mark = 0;  // what was written down then, at least that
};

struct alignas(64) Sa {
  // Errors, naming the SA: whatever validate(spec) says, unknown algorithm, wrong key sizes, protocol not supported.
  static Expected<std::unique_ptr<Sa>> create(const SaSpec& spec);

  // Decided at creation; worker: ro, control: ro. What every packet asks for comes first, a line for esp and ah and one
  // for tun: among many SAs it is fetched for each packet anew.
  Overhead overhead;
  uint8_t iv_bytes = 0;
  uint8_t block_bytes = 4;
  uint8_t icv_bytes = 0;
  uint8_t udp_bytes = 0;  // of the header in front of ESP: 8 or none
  bool extended_sequence = false;
  EspJobForm esp_job;            // esp
  uint16_t ah_header_bytes = 0;  // fixed part, IV, ICV and padding for the SA's family (RFC 4302 section 2.2)
  be32 spi{};
  uint64_t iv_offset = 0;                   // random for this object: counted_iv()
  std::optional<KeySchedule> keys;          // esp and ah
  TunnelTemplate tunnel;                    // tun
  std::atomic<uint16_t> identification{0};  // tun over IPv4, where no esp SA around it gives one: worker: rw
  std::unique_ptr<Lifetime> lifetime;       // null: without end; what it points at is worker: rw
  SaId id;
  IpAddress source;
  OuterHeader outer;                                   // tun
  uint64_t watched_end_tsc = UINT64_MAX;               // control only: LifetimeWatch's
  std::optional<SaUdp> udp;                            // esp in UDP
  uint64_t created_at_s = 0;                           // Unix time
  SequenceMarks marks;                                 // control only
  Key saved_encryption_key, saved_authentication_key;  // control only: for `save --keys`; wiped on release

  // While packets pass: what is sent, and what both directions count, in one line.
  alignas(64) Sequence sequence;
  SaCounters counters;
  alignas(32) ReplayWindow replay;
  CompressionTrials trials;  // comp, outbound

  // Of the packet with this number, where IVs need only never come twice (RFC 4106 section 3.1): the number does not,
  // and iv_offset keeps apart what two objects with one key send.
  be64 counted_iv(uint64_t number) const noexcept { return be64::from_host(number ^ iv_offset); }

 private:
  explicit Sa(const SaSpec& spec);

  Expected<void> set_up_keys(const SaSpec& spec);
  void set_up_esp_job(const Cipher& cipher) noexcept;
  void set_up_tunnel(const SaSpec& spec);
  void set_up_udp(const SaSpec& spec);
  void work_out_overhead();
};

// control: the spec that makes an SA like this one, its keys and where its sequence numbers are included.
SaSpec spec_of(const Sa& sa);

}  // namespace spigrp
