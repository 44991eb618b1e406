// See telemetry.h. Telemetry has a thread of its own, and its commands cannot be taken back; so the engine that they
// ask is behind a lock, which no worker touches.
#include "control/telemetry.h"

#include <mutex>
#include <string>

#include <rte_telemetry.h>

#include "packet/counters.h"

namespace spigrp {
namespace {

std::mutex asked_lock;
Engine* asked = nullptr;  // behind asked_lock; null: the engine is gone

void add(rte_tel_data* data, const char* name, uint64_t value) {
  rte_tel_data_add_dict_u64(data, name, value);
}

int answer(const char* /*command*/, const char* /*parameters*/, rte_tel_data* data) {
  const std::lock_guard lock(asked_lock);
  if (asked == nullptr) return -1;
  uint64_t received = 0, originated = 0, sent = 0, delivered = 0, dropped[kDropReasonCount] = {};
  for (const WorkerStatistics& worker : asked->worker_statistics()) {
    received += worker.counters->received.value();
    originated += worker.counters->originated.value();
    sent += worker.counters->sent.value();
    delivered += worker.counters->delivered.value();
    for (size_t i = 0; i < kDropReasonCount; ++i) dropped[i] += worker.counters->dropped[i].value();
  }
  rte_tel_data_start_dict(data);
  add(data, "received", received);
  add(data, "originated", originated);
  add(data, "sent", sent);
  add(data, "delivered", delivered);
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    const std::string name = "dropped_" + std::string(drop_reason_name(static_cast<DropReason>(i)));
    if (dropped[i] != 0) add(data, name.c_str(), dropped[i]);
  }
  return 0;
}

}  // namespace

Telemetry::Telemetry(Engine& engine) {
  static const int registered =
      rte_telemetry_register_cmd("/spigrp/stats", answer, "Packets of all workers and drop reasons. No parameters.");
  (void)registered;  // without telemetry nobody can ask
  const std::lock_guard lock(asked_lock);
  asked = &engine;
}

Telemetry::~Telemetry() {
  const std::lock_guard lock(asked_lock);
  asked = nullptr;
}

}  // namespace spigrp
