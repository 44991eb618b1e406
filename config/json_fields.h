// Values as JSON and back. A struct lists its fields once, in a function fields(f, value); run with a FieldWriter it
// makes the JSON object, run with a FieldReader it fills the struct and finds what is wrong, naming the field. Nothing
// here throws on what a peer sent, and nothing follows nesting deeper than the structs have.
#pragma once

#include <concepts>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "config/error.h"
#include "config/request.h"

namespace spigrp {

// fields() takes a struct to fill or a const one to write.
template <class T, class Struct>
concept FieldsOf = std::same_as<std::remove_const_t<T>, Struct>;

// A field that is looked at later.
struct RawJson {
  const nlohmann::json* json = nullptr;
};

// Single values.
Expected<void> read_json(const nlohmann::json& json, RawJson& value);
Expected<void> read_json(const nlohmann::json& json, bool& value);
Expected<void> read_json(const nlohmann::json& json, std::string& value);
Expected<void> read_json(const nlohmann::json& json, CommandLines& value);  // as long as a message may be
Expected<void> read_json(const nlohmann::json& json, SaId& value);
Expected<void> read_json(const nlohmann::json& json, IpAddress& value);
Expected<void> read_json(const nlohmann::json& json, IpPrefix& value);  // host bits allowed: validate() refuses them
Expected<void> read_json(const nlohmann::json& json, MacAddress& value);
Expected<void> read_json(const nlohmann::json& json, Key& value);
Expected<void> read_json(const nlohmann::json& json, ErouteTarget& value);
Expected<void> read_json(const nlohmann::json& json, ExistingEntry& value);
Expected<void> read_json(const nlohmann::json& json, HeaderChoice& value);  // a number, or "copy"
Expected<void> read_json(const nlohmann::json& json, EcnChoice& value);
Expected<void> read_json(const nlohmann::json& json, DfChoice& value);
Expected<void> read_json(const nlohmann::json& json, Fragmentation& value);

nlohmann::json write_json(bool value);
nlohmann::json write_json(const std::string& value);
nlohmann::json write_json(const CommandLines& value);
nlohmann::json write_json(const SaId& value);
nlohmann::json write_json(const IpAddress& value);
nlohmann::json write_json(const IpPrefix& value);
nlohmann::json write_json(const MacAddress& value);
nlohmann::json write_json(const Key& value);
nlohmann::json write_json(const ErouteTarget& value);
nlohmann::json write_json(ExistingEntry value);
nlohmann::json write_json(const HeaderChoice& value);
nlohmann::json write_json(EcnChoice value);
nlohmann::json write_json(DfChoice value);
nlohmann::json write_json(Fragmentation value);

template <class T>
concept Whole = std::integral<T> && !std::same_as<T, bool>;

tl::unexpected<Error> not_a_whole_number(int64_t lowest, uint64_t highest);

template <Whole T>
Expected<void> read_json(const nlohmann::json& json, T& value) {
  constexpr T kLowest = std::numeric_limits<T>::min(), kHighest = std::numeric_limits<T>::max();
  if (json.is_number_unsigned() && std::in_range<T>(json.get<uint64_t>())) {
    value = static_cast<T>(json.get<uint64_t>());
  } else if (json.is_number_integer() && !json.is_number_unsigned() && std::in_range<T>(json.get<int64_t>())) {
    value = static_cast<T>(json.get<int64_t>());
  } else {
    return not_a_whole_number(static_cast<int64_t>(kLowest), static_cast<uint64_t>(kHighest));
  }
  return {};
}

template <Whole T>
nlohmann::json write_json(T value) {
  return value;
}

enum class UnknownFields : uint8_t { kRefused, kIgnored };

// Fills a struct from a JSON object and keeps the first error.
class FieldReader {
 public:
  FieldReader(const nlohmann::json& object, std::string path, UnknownFields unknown);

  template <class T>
  void operator()(std::string_view name, T& value) {
    if (const nlohmann::json* field = find(name)) {
      read(*field, name, value);
    } else if (status_) {
      fail(name, Error{.problem = "is missing"});
    }
  }
  // A field that may be left out.
  template <class T>
  void operator()(std::string_view name, T& value, const T& otherwise) {
    if (const nlohmann::json* field = find(name)) {
      read(*field, name, value);
    } else {
      value = otherwise;
    }
  }

  // After the last field: what was wrong first, fields that nobody asked for included.
  Expected<void> finish();

 private:
  const nlohmann::json* find(std::string_view name);
  void fail(std::string_view name, const Error& error);
  std::string path_of(std::string_view name) const;
  void take(std::string_view name, const Expected<void>& result) {
    if (!result) fail(name, result.error());
  }

  template <class T>
  void read(const nlohmann::json& field, std::string_view name, T& value) {
    if constexpr (requires(FieldReader & f) { fields(f, value); }) {
      FieldReader nested(field, path_of(name), unknown_);
      fields(nested, value);
      if (const auto done = nested.finish(); !done && status_) status_ = done;
    } else {
      take(name, read_json(field, value));
    }
  }
  template <class T>
  void read(const nlohmann::json& field, std::string_view name, std::optional<T>& value) {
    value.reset();
    if (!field.is_null()) read(field, name, value.emplace());
  }
  template <class T>
  void read(const nlohmann::json& field, std::string_view name, std::vector<T>& value) {
    if (!field.is_array()) return fail(name, Error{.problem = "must be an array"});
    value.clear();
    value.reserve(field.size());
    for (size_t i = 0; i < field.size() && status_; ++i) {
      read(field[i], std::string(name) + '[' + std::to_string(i) + ']', value.emplace_back());
    }
  }

  const nlohmann::json& object_;
  std::string path_;  // empty, or what leads to this object: "spec"
  UnknownFields unknown_;
  Expected<void> status_;
  std::vector<std::string_view> known_;
};

// Makes a JSON object of a struct. A field that may be left out and has its usual value is left out.
class FieldWriter {
 public:
  nlohmann::json object = nlohmann::json::object();

  template <class T>
  void operator()(std::string_view name, const T& value) {
    object.emplace(name, write(value));
  }
  template <class T>
  void operator()(std::string_view name, const T& value, const T& otherwise) {
    if (!(value == otherwise)) (*this)(name, value);
  }
  // An optional value may always be left out, and is where there is none.
  template <class T>
  void operator()(std::string_view name, const std::optional<T>& value, const std::optional<T>&) {
    if (value) (*this)(name, *value);
  }

 private:
  template <class T>
  static nlohmann::json write(const T& value) {
    if constexpr (requires(FieldWriter & f) { fields(f, value); }) {
      FieldWriter nested;
      fields(nested, value);
      return std::move(nested.object);
    } else {
      return write_json(value);
    }
  }
  template <class T>
  static nlohmann::json write(const std::optional<T>& value) {
    return value ? write(*value) : nlohmann::json();
  }
  template <class T>
  static nlohmann::json write(const std::vector<T>& value) {
    nlohmann::json array = nlohmann::json::array();
    for (const T& element : value) array.push_back(write(element));
    return array;
  }
};

// The fields of what both requests and rows are made of.
void fields(auto& f, FieldsOf<Selector> auto& selector) {
  f("source", selector.source);
  f("destination", selector.destination);
  f("protocol", selector.protocol, uint8_t{0});
  f("source_port", selector.source_port, uint16_t{0});
  f("destination_port", selector.destination_port, uint16_t{0});
  f("icmp_type", selector.icmp_type, std::optional<uint8_t>());
  f("icmp_code", selector.icmp_code, std::optional<uint8_t>());
}

void fields(auto& f, FieldsOf<OuterHeader> auto& outer) {
  const OuterHeader usual;
  f("dscp", outer.dscp, usual.dscp);
  f("ecn", outer.ecn, usual.ecn);
  f("df", outer.df, usual.df);
  f("ttl", outer.ttl, usual.ttl);
  f("fragment", outer.fragment, usual.fragment);
}

void fields(auto& f, FieldsOf<LifetimeLimits> auto& limits) {
  for (const LifetimeField& field : kLifetimeFields) f(field.name, limits.*field.limit, uint64_t{0});
}

void fields(auto& f, FieldsOf<LifetimeSpec> auto& lifetime) {
  f("soft", lifetime.soft, LifetimeLimits());
  f("hard", lifetime.hard, LifetimeLimits());
}

void fields(auto& f, FieldsOf<UdpEncapsulation> auto& encapsulation) {
  f("source_port", encapsulation.source_port, kNatTraversalPort);
  f("destination_port", encapsulation.destination_port, kNatTraversalPort);
}

void fields(auto& f, FieldsOf<AddressSpec> auto& spec) {
  f("address", spec.address);
  f("device", spec.device);
}

void fields(auto& f, FieldsOf<RouteSpec> auto& spec) {
  f("destination", spec.destination);
  f("via", spec.via, std::optional<IpAddress>());
  f("device", spec.device, std::string());
}

void fields(auto& f, FieldsOf<NeighbourSpec> auto& spec) {
  f("address", spec.address);
  f("device", spec.device);
  f("mac", spec.mac);
}

}  // namespace spigrp
