// One value with its history, as far back as a reader may still look. The control thread puts a new version in front of
// the old one; a worker at generation g takes the newest version that is not younger than g.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

#include "state/prefetch.h"
#include "state/versions.h"

namespace spigrp {

template <class T>
class VersionedCell {
 public:
  VersionedCell() = default;
  VersionedCell(const VersionedCell&) = delete;
  VersionedCell& operator=(const VersionedCell&) = delete;
  ~VersionedCell() {
    for (Version* version = head_.load(); version != nullptr;) {
      Version* older = version->older.load();
      delete version;
      version = older;
    }
  }

  // worker: the value at generation g, or null where there was none
  const T* at(Generation g) const noexcept {
    const Version* version = head_.load(std::memory_order_acquire);
    while (version != nullptr && version->born > g) version = version->older.load(std::memory_order_acquire);
    return version != nullptr && version->present ? &version->value : nullptr;
  }

  // worker: whether the value at generation g is another than that of an earlier one
  bool has_changed(Generation since, Generation g) const noexcept {
    const Version* version = head_.load(std::memory_order_acquire);
    while (version != nullptr && version->born > g) version = version->older.load(std::memory_order_acquire);
    return version == nullptr || version->born > since;
  }

  // worker: into the cache what at() most likely looks at, and so many bytes of the value; the cell itself is there
  void prefetch_newest(size_t value_bytes) const noexcept {
    const Version* version = head_.load(std::memory_order_relaxed);
    if (version == nullptr) return;
    prefetch(version);
    prefetch(reinterpret_cast<const char*>(&version->value) + value_bytes - 1);
  }

  // control: the value that the next publish will leave, or null
  const T* newest() const noexcept {
    const Version* version = head_.load(std::memory_order_relaxed);
    return version != nullptr && version->present ? &version->value : nullptr;
  }

  // control: becomes the value at versions.next(); the one before is freed when nobody can see it
  void set(T value, Versions& versions) { push(new Version{versions.next(), {}, true, std::move(value)}, versions); }
  void erase(Versions& versions) { push(new Version{versions.next(), {}, false, T{}}, versions); }

 private:
  struct Version {  // what at() looks at, and then the value's first members, in one line or two
    Generation born;
    std::atomic<Version*> older;  // worker: ro, control: rw
    bool present;
    T value;
  };

  void push(Version* version, Versions& versions) {
    Version* old = head_.load(std::memory_order_relaxed);
    version->older.store(old, std::memory_order_relaxed);
    head_.store(version, std::memory_order_release);
    if (old == nullptr) return;
    // Readers of version->born and later stop at `version`; when only those are left, cut the tail off and free it.
    versions.retire({old, version, [](void* object, void* newer) {
                       static_cast<Version*>(newer)->older.store(nullptr, std::memory_order_relaxed);
                       delete static_cast<Version*>(object);
                     }});
  }

  std::atomic<Version*> head_{nullptr};  // worker: ro, control: rw
};

}  // namespace spigrp
