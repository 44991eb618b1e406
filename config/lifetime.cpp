// See lifetime.h.
#include "config/lifetime.h"

#include <algorithm>

#include "config/number.h"

namespace spigrp {
namespace {

std::string limit_names() {
  std::string names;
  for (const LifetimeField& field : kLifetimeFields) names += (names.empty() ? "" : ", ") + std::string(field.name);
  return names;
}

Expected<void> read_limit(std::string_view word, LifetimeSpec& lifetime) {
  const size_t dash = word.find('-'), equals = word.find('=');
  const std::string_view kind = word.substr(0, dash);
  const std::string_view name = dash < equals ? word.substr(dash + 1, equals - dash - 1) : std::string_view();
  const auto* const field = std::find_if(kLifetimeFields.begin(), kLifetimeFields.end(),
                                         [&](const LifetimeField& known) { return known.name == name; });
  if ((kind != "soft" && kind != "hard") || field == kLifetimeFields.end() || equals == std::string_view::npos) {
    return failure(as_typed(word), "is no lifetime",
                   "write soft-LIMIT=NUMBER or hard-LIMIT=NUMBER; LIMIT is one of " + limit_names());
  }
  const auto number = parse_number(word.substr(equals + 1));
  if (!number || *number == 0) return failure(as_typed(word), "has no number above 0", "leave out what has no limit");
  LifetimeLimits& limits = kind == "soft" ? lifetime.soft : lifetime.hard;
  uint64_t& limit = limits.*field->limit;
  if (limit != 0) return failure(as_typed(word), "is given twice");
  limit = *number;
  return {};
}

}  // namespace

Expected<LifetimeSpec> parse_lifetime(std::string_view words) {
  LifetimeSpec lifetime;
  for (;;) {
    const size_t comma = words.find(',');
    if (const auto read = read_limit(words.substr(0, comma), lifetime); !read) return tl::unexpected(read.error());
    if (comma == std::string_view::npos) return lifetime;
    words.remove_prefix(comma + 1);
  }
}

Expected<void> validate(const LifetimeSpec& lifetime) {
  for (const LifetimeField& field : kLifetimeFields) {
    const uint64_t soft = lifetime.soft.*field.limit, hard = lifetime.hard.*field.limit;
    const std::string name(field.name);
    if (hard != 0 && soft > hard) {
      return failure("soft-" + name + '=' + std::to_string(soft),
                     "lies behind hard-" + name + '=' + std::to_string(hard), "make it smaller");
    }
    const bool is_time = field.limit == &LifetimeLimits::addtime || field.limit == &LifetimeLimits::usetime;
    if (is_time && std::max(soft, hard) > kMaxLifetimeSeconds) {
      return failure(name, "of more than " + std::to_string(kMaxLifetimeSeconds) + " seconds", "leave it out");
    }
  }
  return {};
}

}  // namespace spigrp
