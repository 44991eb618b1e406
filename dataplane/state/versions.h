// One writer, many readers, no waiting. The control thread prepares new versions stamped with the generation to come
// and publishes them all with one store; a worker reads the generation once a burst and resolves every lookup at it.
// What no worker can reach any more is freed later, by polling quiescent states (rte_rcu_qsbr), never by waiting for
// them.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "config/error.h"

struct rte_rcu_qsbr;

namespace spigrp {

using Generation = uint64_t;

class Versions {
 public:
  // Room for max_readers workers, numbered from 0, and for a few pins. Error: no memory.
  static Expected<std::unique_ptr<Versions>> create(uint16_t max_readers);
  // Frees all that waits. No reader may be left, and the tables must still be there: it goes before them.
  ~Versions();
  Versions(const Versions&) = delete;
  Versions& operator=(const Versions&) = delete;

  // worker: the generation to resolve this burst's lookups at
  Generation published() const noexcept { return published_.load(std::memory_order_acquire); }

  // worker: starts and stops to be one that others wait for; a sleeping worker is not online
  void online(uint16_t reader) noexcept;
  void offline(uint16_t reader) noexcept;
  // worker: holds no pointer from an earlier burst
  void quiescent(uint16_t reader) noexcept;

  // What can be seen at one generation stays as long as this does, for the control thread to read over many turns of
  // its loop. Meanwhile nothing that an edit replaces is freed.
  class Pin {
   public:
    Pin(Pin&& other) noexcept;
    Pin& operator=(Pin&&) = delete;
    ~Pin();
    Generation generation() const noexcept { return generation_; }

   private:
    friend class Versions;
    Pin(Versions& versions, uint16_t reader) noexcept;
    Versions* versions_;
    uint16_t reader_;
    Generation generation_;
  };
  // control: the newest generation; nothing where there are as many pins as there can be
  std::optional<Pin> pin();

  // control: the generation that the edits being prepared will have
  Generation next() const noexcept { return std::max(linking_, published_.load(std::memory_order_relaxed) + 1); }

  // control: next() is what it is until publish(), however many Interludes publish before, up to `between` of them
  void begin_linking(Generation between) noexcept { linking_ = next() + between; }

  // control: Some edits in the midst of another that takes long, of what that one does not touch: they are published
  // before it. While there is an Interlude, next(), retire() and publish() are for these edits.
  class Interlude {
   public:
    explicit Interlude(Versions& versions) noexcept;
    Interlude(const Interlude&) = delete;
    Interlude& operator=(const Interlude&) = delete;
    ~Interlude();
    // The edit around it is being linked: the newest versions of what it touches are not to be looked at.
    bool is_in_linking() const noexcept { return versions_.linking_around_ != 0; }

   private:
    Versions& versions_;
  };
  // control: false in an Interlude when there is no generation left before that of the edit around it
  bool may_publish() const noexcept { return linking_around_ == 0 || next() < linking_around_; }

  // control: `object` is unreachable for readers of next(); it is freed when no reader of an older one is left. A
  // release that throws std::bad_alloc has done nothing yet.
  struct Retired {
    void* object;
    void* context;
    void (*release)(void* object, void* context);
  };
  void retire(Retired retired) {
    if (retired_now_.empty()) begin_list();
    retired_now_.back().retired.push_back(retired);
  }

  // control: publishes next(), with everything linked and retired since the last time
  void publish() noexcept;

  // control: instead of publish(), where edits were prepared and thrown away and nothing was linked: lets go of what
  // they retired
  void discard() noexcept { start_grace(); }

  // control: frees what no reader can hold any more, about so many objects at most; never waits. Returns how many.
  // What a release finds no memory for, it does in a later call, and those behind it come after it.
  size_t reclaim(size_t most = kFreedAtOnce);

  // Any thread but a worker's: waits, yielding, until no worker is in a burst that it had begun before. False: that
  // takes more than limit_ms.
  bool outlast_bursts(uint32_t limit_ms) const noexcept;

  // control: waits, yielding, until everything published so far has been seen and reclaims it; returns false if that
  // takes more than limit_ms. For shutdown and for tests.
  bool drain(uint32_t limit_ms);

  size_t waiting() const noexcept;  // objects retired and not yet freed

 private:
  static constexpr uint16_t kMaxPins = 8;
  static constexpr size_t kFreedAtOnce = 1u << 13;  // some milliseconds, where they are SAs

  Versions() = default;

  void begin_list();
  void start_grace() noexcept;

  // A transaction may retire millions: they lie in pieces, so that neither growing nor giving back is done in one go.
  struct Grace {
    uint64_t token = 0;           // once it has begun
    std::deque<Retired> retired;  // and not freed yet
  };
  // One that is to begin is made before, so that nothing can fail when it begins.
  using NextGrace = std::list<Grace>;  // or none

  alignas(64) std::atomic<Generation> published_{0};  // worker: ro, control: rw
  alignas(64) rte_rcu_qsbr* readers_ = nullptr;       // worker: own slot rw, control: ro
  NextGrace retired_now_;                             // control only, and below
  NextGrace retired_around_;                          // in an Interlude: by the edit around it
  Generation linking_ = 0, linking_around_ = 0;       // next() where it is fixed, else 0
  NextGrace spare_;                                   // for the next that retires something
  std::list<Grace> graces_;
  uint16_t first_pin_ = 0;  // their readers' numbers follow those of the workers
  std::array<bool, kMaxPins> pinned_{};
};

}  // namespace spigrp
