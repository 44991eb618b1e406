// Command lines as they are typed, in a world of few names and files.
#pragma once

#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "commands/command.h"

namespace spigrp {

inline IpAddress address(std::string_view text) {
  return parse_ip_address(text).value();
}

inline std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

struct World {
  std::map<std::string, std::string, std::less<>> files;
  size_t files_read = 0;

  CommandWorld world() {
    CommandWorld made;
    made.resolve = [](std::string_view name, std::optional<Family> wanted) -> Expected<IpAddress> {
      const bool ipv6 = wanted == Family::kIpv6;
      if (name == "gw1") return address(ipv6 ? "2001:db8::1" : "192.0.2.1");
      if (name == "gw2") return address(ipv6 ? "2001:db8::2" : "192.0.2.2");
      return resolve_numeric(name, wanted);
    };
    made.read_file = [this](std::string_view file, size_t most_bytes) -> Expected<std::string> {
      ++files_read;
      const auto found = files.find(file);
      if (found == files.end()) return failure(std::string(file), "cannot be read: No such file or directory");
      if (found->second.size() <= most_bytes) return found->second;
      return failure(std::string(file), "is larger than " + std::to_string(most_bytes) + " bytes");
    };
    return made;
  }

  // The words of a line, the command first, separated by blanks.
  Expected<ParsedCommand> parse(const std::string& line) {
    std::vector<std::string> words = words_of(line);
    const std::string command = words.front();
    words.erase(words.begin());
    return parse_command(command, words, world());
  }

  // The edit that a line must make.
  template <class T>
  T edit(const std::string& line) {
    const auto parsed = parse(line);
    BOOST_REQUIRE_MESSAGE(parsed, line << ": " << (parsed ? "" : parsed.error().text()));
    const auto* request = std::get_if<Request>(&parsed->action);
    BOOST_REQUIRE_MESSAGE(request != nullptr && std::holds_alternative<Edit>(*request), line << ": is no edit");
    const T* made = std::get_if<T>(&std::get<Edit>(*request));
    BOOST_REQUIRE_MESSAGE(made != nullptr, line << ": is another edit");
    return *made;
  }

  void lists(const std::string& line, Listing listing) {
    const auto parsed = parse(line);
    BOOST_REQUIRE_MESSAGE(parsed, line << ": " << (parsed ? "" : parsed.error().text()));
    const auto* made = std::get_if<Listing>(&parsed->action);
    BOOST_TEST((made != nullptr && *made == listing), line);
  }

  // The line is wrong usage, and its error has these texts. Returns the error.
  std::string refused(const std::string& line, std::initializer_list<std::string_view> texts) {
    const auto parsed = parse(line);
    BOOST_REQUIRE_MESSAGE(!parsed, line << ": is not refused");
    std::string error = parsed.error().text();
    for (const std::string_view text : texts) {
      BOOST_TEST((error.find(text) != std::string::npos), line << ": " << error << " lacks: " << text);
    }
    BOOST_TEST(!parsed.error().problem.empty(), line);
    return error;
  }
};

}  // namespace spigrp
