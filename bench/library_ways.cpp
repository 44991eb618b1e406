// See library_ways.h. Interfaces: direct calls (one packet), jobs (one at a time into the manager's queue), bursts (the
// same queue, 64 at a time), and cipher and hash bursts, which bypass the queue.
#include "library_ways.h"

#include <array>
#include <memory>

namespace spigrp::bench {
namespace {

constexpr size_t kBurst = kBurstCapacity;
constexpr uint64_t kGcmNonceBytes = 12, kCbcIvBytes = 16;
constexpr uint64_t kAadBytes = 8;  // SPI and sequence number

// What a way closes over.
struct Setting {
  Library& library;
  PacketLayout layout;
  IMB_CIPHER_DIRECTION direction;
};

bool encrypts(const Setting& setting) noexcept {
  return setting.direction == IMB_DIR_ENCRYPT;
}

// GCM --------------------------------------------------------------------------------------------------------------

size_t gcm_direct(const Setting& setting, const Batch& batch) {
  const IMB_MGR& manager = *setting.library.manager;
  const auto run = encrypts(setting) ? manager.gcm128_enc : manager.gcm128_dec;
  gcm_context_data context;
  for (size_t i = 0; i < kBurst; ++i) {
    const PacketPlaces& at = batch.packets[i];
    run(&setting.library.gcm[batch.sas[i]], &context, at.text, at.text, setting.layout.text_bytes, at.nonce.data(),
        at.esp, kAadBytes, at.esp_icv, kIcvBytes);
  }
  return kBurst;
}

size_t gcm_in_parts(const Setting& setting, const Batch& batch) {
  const IMB_MGR& manager = *setting.library.manager;
  const auto update = encrypts(setting) ? manager.gcm128_enc_update : manager.gcm128_dec_update;
  const auto finalize = encrypts(setting) ? manager.gcm128_enc_finalize : manager.gcm128_dec_finalize;
  gcm_context_data context;
  for (size_t i = 0; i < kBurst; ++i) {
    const PacketPlaces& at = batch.packets[i];
    const gcm_key_data* key = &setting.library.gcm[batch.sas[i]];
    IMB_AES128_GCM_INIT(&manager, key, &context, at.nonce.data(), at.esp, kAadBytes);
    update(key, &context, at.text, at.text, setting.layout.text_bytes);
    finalize(key, &context, at.esp_icv, kIcvBytes);
  }
  return kBurst;
}

void fill_gcm(IMB_JOB& job, const Setting& setting, const PacketPlaces& at, uint32_t sa) {
  job.cipher_mode = IMB_CIPHER_GCM;
  job.hash_alg = IMB_AUTH_AES_GMAC;
  job.cipher_direction = setting.direction;
  job.chain_order = encrypts(setting) ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
  job.enc_keys = job.dec_keys = &setting.library.gcm[sa];
  job.key_len_in_bytes = kAesKeyBytes;
  job.src = job.dst = at.text;
  job.cipher_start_src_offset_in_bytes = job.hash_start_src_offset_in_bytes = 0;
  job.msg_len_to_cipher_in_bytes = job.msg_len_to_hash_in_bytes = setting.layout.text_bytes;
  job.iv = at.nonce.data();
  job.iv_len_in_bytes = kGcmNonceBytes;
  job.u.GCM.aad = at.esp;
  job.u.GCM.aad_len_in_bytes = kAadBytes;
  job.auth_tag_output = at.esp_icv;
  job.auth_tag_output_len_in_bytes = kIcvBytes;
}

// CBC and HMAC -----------------------------------------------------------------------------------------------------

void fill_hash(IMB_JOB& job, const HmacKeys& keys, const uint8_t* start, uint64_t bytes, uint8_t* icv) {
  job.src = start;
  job.hash_start_src_offset_in_bytes = 0;
  job.msg_len_to_hash_in_bytes = bytes;
  job.u.HMAC._hashed_auth_key_xor_ipad = keys.inner.data();
  job.u.HMAC._hashed_auth_key_xor_opad = keys.outer.data();
  job.auth_tag_output = icv;
  job.auth_tag_output_len_in_bytes = kIcvBytes;
}

void fill_cipher(IMB_JOB& job, const Setting& setting, const PacketPlaces& at, uint32_t sa) {
  const AesKeys& keys = setting.library.cbc[sa];
  job.enc_keys = keys.encrypt.data();
  job.dec_keys = keys.decrypt.data();
  job.key_len_in_bytes = kAesKeyBytes;
  job.dst = at.text;
  job.msg_len_to_cipher_in_bytes = setting.layout.text_bytes;
  job.iv = at.iv;
  job.iv_len_in_bytes = kCbcIvBytes;
}

// ESP header, IV and text are hashed; the text, an offset further on, is encrypted.
void fill_chained(IMB_JOB& job, const Setting& setting, const PacketPlaces& at, uint32_t sa) {
  job.cipher_mode = IMB_CIPHER_CBC;
  job.hash_alg = IMB_AUTH_HMAC_SHA_256;
  job.cipher_direction = setting.direction;
  job.chain_order = encrypts(setting) ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
  fill_hash(job, setting.library.esp_hmac[sa], at.esp, setting.layout.esp_bytes, at.esp_icv);
  fill_cipher(job, setting, at, sa);
  job.cipher_start_src_offset_in_bytes = static_cast<uint64_t>(at.text - at.esp);
}

void fill_ah(IMB_JOB& job, const Setting& setting, const PacketPlaces& at, uint32_t sa) {
  job.cipher_mode = IMB_CIPHER_NULL;
  job.hash_alg = IMB_AUTH_HMAC_SHA_256;
  job.cipher_direction = setting.direction;
  job.chain_order = IMB_ORDER_HASH_CIPHER;
  fill_hash(job, setting.library.ah_hmac[sa], at.outer, setting.layout.outer_bytes, at.ah_icv);
}

// Interfaces -------------------------------------------------------------------------------------------------------

using Fill = void (*)(IMB_JOB& job, const Setting& setting, const PacketPlaces& at, uint32_t sa);

size_t is_done(const IMB_JOB* job) {
  return job->status == IMB_STATUS_COMPLETED ? 1 : 0;
}

template <Fill fill>
size_t job_by_job(const Setting& setting, const Batch& batch) {
  IMB_MGR* manager = setting.library.manager.get();
  size_t done = 0;
  for (size_t i = 0; i < kBurst; ++i) {
    fill(*IMB_GET_NEXT_JOB(manager), setting, batch.packets[i], batch.sas[i]);
    for (IMB_JOB* job = IMB_SUBMIT_JOB_NOCHECK(manager); job != nullptr; job = IMB_GET_COMPLETED_JOB(manager)) {
      done += is_done(job);
    }
  }
  while (IMB_JOB* job = IMB_FLUSH_JOB(manager)) done += is_done(job);
  return done;
}

template <Fill fill>
size_t as_burst(const Setting& setting, const Batch& batch) {
  IMB_MGR* manager = setting.library.manager.get();
  std::array<IMB_JOB*, kBurst> jobs;
  if (IMB_GET_NEXT_BURST(manager, kBurst, jobs.data()) != kBurst) return 0;
  for (size_t i = 0; i < kBurst; ++i) {
    fill(*jobs[i], setting, batch.packets[i], batch.sas[i]);
    set_suite(manager, *jobs[i]);
  }
  size_t done = 0;
  const auto count = [&](uint32_t finished) {
    for (uint32_t i = 0; i < finished; ++i) done += is_done(jobs[i]);
    return finished;
  };
  uint32_t finished = count(IMB_SUBMIT_BURST_NOCHECK(manager, kBurst, jobs.data()));
  while (finished < kBurst) {
    const uint32_t flushed = count(IMB_FLUSH_BURST(manager, static_cast<uint32_t>(kBurst) - finished, jobs.data()));
    if (flushed == 0) break;
    finished += flushed;
  }
  return done;
}

// Jobs of ours, not of the manager's queue; what is the same for every packet stays in them.
using OwnJobs = std::shared_ptr<std::array<IMB_JOB, kBurst>>;
OwnJobs own_jobs() {
  return std::make_shared<std::array<IMB_JOB, kBurst>>();
}

size_t cipher_burst(const Setting& setting, std::array<IMB_JOB, kBurst>& jobs, const Batch& batch) {
  for (size_t i = 0; i < kBurst; ++i) {
    jobs[i].src = batch.packets[i].text;
    fill_cipher(jobs[i], setting, batch.packets[i], batch.sas[i]);
  }
  return IMB_SUBMIT_CIPHER_BURST_NOCHECK(setting.library.manager.get(), jobs.data(), kBurst, IMB_CIPHER_CBC,
                                         setting.direction, IMB_KEY_128_BYTES);
}

size_t esp_hash_burst(const Setting& setting, std::array<IMB_JOB, kBurst>& jobs, const Batch& batch) {
  for (size_t i = 0; i < kBurst; ++i) {
    const PacketPlaces& at = batch.packets[i];
    fill_hash(jobs[i], setting.library.esp_hmac[batch.sas[i]], at.esp, setting.layout.esp_bytes, at.esp_icv);
  }
  return IMB_SUBMIT_HASH_BURST_NOCHECK(setting.library.manager.get(), jobs.data(), kBurst, IMB_AUTH_HMAC_SHA_256);
}

size_t ah_hash_burst(const Setting& setting, std::array<IMB_JOB, kBurst>& jobs, const Batch& batch) {
  for (size_t i = 0; i < kBurst; ++i) {
    const PacketPlaces& at = batch.packets[i];
    fill_hash(jobs[i], setting.library.ah_hmac[batch.sas[i]], at.outer, setting.layout.outer_bytes, at.ah_icv);
  }
  return IMB_SUBMIT_HASH_BURST_NOCHECK(setting.library.manager.get(), jobs.data(), kBurst, IMB_AUTH_HMAC_SHA_256);
}

// One manager's cipher burst and one's hash burst, the same or another.
Way split_way(const Setting& cipher, const Setting& hash) {
  std::string name(cipher.library.name);
  name += " cipher burst + " + std::string(hash.library.name) + " hash burst";
  return {name, [cipher, hash, cipher_jobs = own_jobs(), hash_jobs = own_jobs()](const Batch& batch) {
            if (encrypts(cipher)) {
              const size_t done = cipher_burst(cipher, *cipher_jobs, batch);
              return std::min(done, esp_hash_burst(hash, *hash_jobs, batch));
            }
            const size_t done = esp_hash_burst(hash, *hash_jobs, batch);
            return std::min(done, cipher_burst(cipher, *cipher_jobs, batch));
          }};
}

using Run = size_t (*)(const Setting& setting, const Batch& batch);

Way way(const Setting& setting, std::string_view interface, Run run) {
  return {std::string(setting.library.name) + ' ' + std::string(interface),
          [setting, run](const Batch& batch) { return run(setting, batch); }};
}

std::vector<Setting> settings_of(std::vector<Library>& libraries, const PacketCase& packet_case, Direction direction) {
  std::vector<Setting> settings;
  settings.reserve(libraries.size());
  for (Library& library : libraries) {
    settings.push_back(
        {library, layout_of(packet_case), direction == Direction::kOutbound ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT});
  }
  return settings;
}

}  // namespace

std::vector<Way> esp_ways(std::vector<Library>& libraries, const PacketCase& packet_case, Direction direction) {
  const std::vector<Setting> settings = settings_of(libraries, packet_case, direction);
  std::vector<Way> ways;
  for (const Setting& setting : settings) {
    if (packet_case.suite == Suite::kGcm) {
      ways.push_back(way(setting, "direct", gcm_direct));
      ways.push_back(way(setting, "init, update, finalize", gcm_in_parts));
      ways.push_back(way(setting, "jobs", job_by_job<fill_gcm>));
      ways.push_back(way(setting, "burst", as_burst<fill_gcm>));
    } else {
      ways.push_back(way(setting, "chained jobs", job_by_job<fill_chained>));
      ways.push_back(way(setting, "chained burst", as_burst<fill_chained>));
      for (const Setting& hash : settings) ways.push_back(split_way(setting, hash));
    }
  }
  return ways;
}

std::vector<Way> ah_ways(std::vector<Library>& libraries, const PacketCase& packet_case) {
  std::vector<Way> ways;
  for (const Setting& setting : settings_of(libraries, packet_case, Direction::kOutbound)) {
    ways.push_back(way(setting, "jobs", job_by_job<fill_ah>));
    ways.push_back(way(setting, "burst", as_burst<fill_ah>));
    ways.push_back({std::string(setting.library.name) + " hash burst",
                    [setting, jobs = own_jobs()](const Batch& batch) { return ah_hash_burst(setting, *jobs, batch); }});
  }
  return ways;
}

}  // namespace spigrp::bench
