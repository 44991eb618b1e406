// How a command ended: the exit statuses, and what is said on standard error with all but the first.
#pragma once

#include <cstdint>
#include <utility>

#include <tl/expected.hpp>

#include "config/error.h"

namespace spigrp {

enum class ExitStatus : uint8_t {
  kDone = 0,
  kRefused = 1,     // the daemon, a file or standard output said no
  kWrongUsage = 2,  // the words, or those in a file, make no command
  kNoDaemon = 3     // nobody answered, or with something that is no answer
};

struct Refusal {
  ExitStatus status = ExitStatus::kRefused;
  Error error;
  uint32_t line = 0;  // of a batch; 0: none
  int code = 0;       // of the daemon's error; 0: it is not the daemon's
};

template <class T>
using Outcome = tl::expected<T, Refusal>;

inline tl::unexpected<Refusal> refusal(ExitStatus status, Error error) {
  return tl::unexpected<Refusal>(Refusal{status, std::move(error)});
}

}  // namespace spigrp
