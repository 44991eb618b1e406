// See name_lookup.h.
#include "cli/name_lookup.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace spigrp {
namespace {

constexpr size_t kLongestName = 253;  // RFC 1035 section 2.3.4, without the root

int system_family(std::optional<Family> wanted) noexcept {
  if (!wanted) return AF_UNSPEC;
  return *wanted == Family::kIpv4 ? AF_INET : AF_INET6;
}

IpAddress address_of(const addrinfo& found) noexcept {
  IpAddress address;
  if (found.ai_family == AF_INET) {
    const auto* ipv4 = reinterpret_cast<const sockaddr_in*>(found.ai_addr);
    std::memcpy(address.bytes.data(), &ipv4->sin_addr, sizeof(ipv4->sin_addr));
  } else {
    const auto* ipv6 = reinterpret_cast<const sockaddr_in6*>(found.ai_addr);
    address.family = Family::kIpv6;
    std::memcpy(address.bytes.data(), &ipv6->sin6_addr, sizeof(ipv6->sin6_addr));
  }
  return address;
}

// getaddrinfo() would read "10.1" as 10.0.0.1, "010.0.0.1" as 8.0.0.1 and "0x7f000001" as 127.0.0.1. None of them is a
// dotted quad, and no name ends in a label that is a number (RFC 1123 section 2.1).
bool ends_in_a_number(std::string_view name) noexcept {
  if (name.ends_with('.')) name.remove_suffix(1);
  const std::string_view label = name.substr(name.rfind('.') + 1);
  const auto all = [](std::string_view text, std::string_view allowed) {
    return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
  };
  const bool hexadecimal = label.starts_with("0x") || label.starts_with("0X");
  return all(label, "0123456789") || (hexadecimal && all(label.substr(2), "0123456789abcdefABCDEF"));
}

bool can_be_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= kLongestName && !ends_in_a_number(name) &&
         std::none_of(name.begin(), name.end(), [](char c) {
           return static_cast<unsigned char>(c) <= ' ' || c == 0x7f || c == '/' || c == '%' || c == '@';
         });
}

}  // namespace

Expected<IpAddress> look_up_name(std::string_view name, std::optional<Family> wanted) {
  if (parse_ip_address(name)) return resolve_numeric(name, wanted);
  if (!can_be_name(name)) return failure(as_typed(name), "is neither an address nor a name");
  addrinfo hints{};
  hints.ai_family = system_family(wanted);
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int status = getaddrinfo(std::string(name).c_str(), nullptr, &hints, &list);
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> found(list, freeaddrinfo);
  if (status != 0) {
    return failure(as_typed(name), std::string("this name cannot be looked up: ") + gai_strerror(status),
                   "write the address itself, or ask the DNS later");
  }
  for (const addrinfo* one = found.get(); one != nullptr; one = one->ai_next) {
    if (one->ai_family == AF_INET || one->ai_family == AF_INET6) return address_of(*one);
  }
  return failure(as_typed(name), "this name has no address");
}

}  // namespace spigrp
