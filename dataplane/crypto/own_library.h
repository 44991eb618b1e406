// OwnLibrary: ipsec-mb loaded once more, for one of several workers. Up to 1.3 every call writes an error number into a
// variable of the library (github.com/intel/intel-ipsec-mb, issue 112): one cache line that all cores write, those that
// encrypt GCM with each packet, so that they wait for each other more than they encrypt. A copy has a variable of its
// own. Not GMAC's: its functions call others, which the copy finds in everybody's library. For the crypto room.
#pragma once

#include <cstdint>
#include <memory>

namespace spigrp {

class OwnLibrary {
 public:
  // The library that everybody has.
  OwnLibrary() = default;
  // A copy; is_copy() is false where the system does not let it be loaded again (without memory, or without /proc).
  // Takes 13 MB.
  static OwnLibrary load() noexcept;
  // Whether this version of the library is one that writes.
  static bool is_wanted() noexcept;

  bool is_copy() const noexcept { return handle_ != nullptr; }
  // The one that is called instead of a function of everybody's library: both are of one file.
  template <class Function>
  Function* own(Function* shared) const noexcept {
    const uintptr_t address = reinterpret_cast<uintptr_t>(shared) + distance_;
    return reinterpret_cast<Function*>(address);  // NOLINT(performance-no-int-to-ptr): no object's, but a function's
  }

 private:
  struct Close {
    void operator()(void* handle) const noexcept;
  };

  std::unique_ptr<void, Close> handle_;
  uintptr_t distance_ = 0;  // from a function to the copy's
};

}  // namespace spigrp
