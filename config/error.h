// What went wrong, in words for the operator: which object, what is wrong with it, and what would work.
// Every fallible function outside the datapath returns Expected<T>; the datapath uses drop reasons instead.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace spigrp {

struct Error {
  std::string object;   // what it is about, as the operator wrote it: "esp.115@192.0.2.2"; may be empty
  std::string problem;  // what is wrong: "already in group tun.113@192.0.2.2"
  std::string remedy;   // what would work: "ungroup it first with: spigrp --said tun.113@192.0.2.2"; may be empty

  // One line: "OBJECT: PROBLEM; REMEDY", without the parts that are empty.
  std::string text() const;

  friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Expected = tl::expected<T, Error>;

inline tl::unexpected<Error> failure(std::string object, std::string problem, std::string remedy = {}) {
  return tl::unexpected<Error>(Error{std::move(object), std::move(problem), std::move(remedy)});
}

// What somebody typed, fit to stand in an error: short, printable, on one line; what could be a key, in whichever place
// it was typed, is not shown (invariant 5).
std::string as_typed(std::string_view typed);

}  // namespace spigrp
