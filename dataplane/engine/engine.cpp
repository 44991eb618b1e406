// See engine.h.
#include "engine/engine.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include <rte_cycles.h>

#include "engine/driver_memory.h"
#include "engine/engine_parts.h"
#include "engine/explain.h"
#include "engine/worker_thread.h"

namespace spigrp {
namespace {

constexpr size_t kFreedInATurn = 1u << 10;  // objects; more than what its turns may retire, as a rule

uint64_t now_ns() noexcept {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

}  // namespace

struct Engine::State {
  std::unique_ptr<EngineParts> parts;
  std::unique_ptr<DriverMemory> driver_memory;
  std::vector<int> cores;  // by worker
  std::vector<std::unique_ptr<WorkerThread>> threads;
  std::unique_ptr<Explainer> explainer;  // made when somebody asks
};

Engine::Engine(std::unique_ptr<State> state) : state_(std::move(state)) {}

Engine::~Engine() {
  stop();
}

Expected<std::unique_ptr<Engine>> Engine::create(const Options& options) {
  auto parts = EngineParts::create(options);
  if (!parts) return tl::unexpected(parts.error());
  auto state = std::make_unique<State>();
  state->parts = std::move(*parts);
  state->driver_memory = std::make_unique<DriverMemory>(state->parts->versions());
  for (uint16_t id = 0; id < options.workers.count; ++id) {
    const int core = options.workers.cores.empty() ? -1 : options.workers.cores[id];
    state->cores.push_back(core);
    state->threads.push_back(std::make_unique<WorkerThread>(state->parts->worker(id), options.workers.idle, core));
  }
  return std::unique_ptr<Engine>(new Engine(std::move(state)));
}

Expected<void> Engine::start() {
  for (Port& port : state_->parts->ports()) {
    if (auto started = port.start(); !started) return started;
  }
  for (const auto& thread : state_->threads) {
    if (auto started = thread->start(); !started) return started;
  }
  return {};
}

void Engine::stop() noexcept {
  for (const auto& thread : state_->threads) thread->stop();
  state_->parts->close();
}

Versions& Engine::versions() noexcept {
  return state_->parts->versions();
}

SaTables& Engine::sas() noexcept {
  return state_->parts->sas();
}

RouteTables& Engine::routes() noexcept {
  return state_->parts->routes();
}

void Engine::poll_control() {
  state_->parts->control_plane().poll(now_ns());
  state_->parts->events().poll(rte_rdtsc());
  versions().reclaim();
}

void Engine::poll_aside() {
  const Versions::Interlude interlude(versions());
  state_->parts->control_plane().poll_aside(now_ns());
  if (interlude.is_in_linking()) {
    state_->parts->events().poll_aside();
  } else {
    state_->parts->events().poll(rte_rdtsc());
  }
  // What turns before this one have replaced; else whoever floods neighbours takes all slots, and memory, meanwhile.
  versions().reclaim(kFreedInATurn);
}

std::vector<Event> Engine::take_events() {
  return state_->parts->events().take();
}

std::vector<SaId> Engine::take_near_limit() {
  return state_->parts->events().take_near_limit();
}

Expected<Explanation> Engine::explain(const ExplainQuery& query) {
  if (!state_->explainer) {
    auto explainer =
        Explainer::create(state_->parts->network(), {state_->parts->buffers(), state_->parts->large_buffers()});
    if (!explainer) return tl::unexpected(explainer.error());
    state_->explainer = std::move(*explainer);
  }
  return state_->explainer->explain(query);
}

std::vector<PortStatistics> Engine::port_statistics() const {
  std::vector<PortStatistics> statistics;
  for (const Port& port : state_->parts->ports()) statistics.push_back(port.statistics());
  return statistics;
}

std::vector<PathMtuRow> Engine::path_mtus() const {
  return state_->parts->control_plane().path_mtus();
}

bool Engine::has_slow_crypto() const noexcept {
  const auto& workers = state_->parts->workers();
  return std::any_of(workers.begin(), workers.end(),
                     [](const auto& worker) { return worker->crypto().is_slowed_by_others(); });
}

std::vector<WorkerStatistics> Engine::worker_statistics() const {
  std::vector<WorkerStatistics> statistics;
  for (const auto& worker : state_->parts->workers()) {
    const WorkerCycles& cycles = worker->cycles();
    statistics.push_back({worker->id(), state_->cores[worker->id()], &worker->counters(), cycles.busy.value(),
                          cycles.idle.value(), cycles.bursts.value()});
  }
  statistics.push_back(
      {static_cast<uint16_t>(statistics.size()), -1, &state_->parts->control_plane().counters(), 0, 0, 0});
  return statistics;
}

}  // namespace spigrp
