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

}  // namespace

Expected<IpAddress> look_up_name(std::string_view name, std::optional<Family> wanted) {
  if (parse_ip_address(name)) return resolve_numeric(name, wanted);
  const bool is_name =
      !name.empty() && name.size() <= kLongestName && std::none_of(name.begin(), name.end(), [](char c) {
        return static_cast<unsigned char>(c) <= ' ' || c == '/' || c == '%' || c == '@';
      });
  if (!is_name) return failure(as_typed(name), "is neither an address nor a name");
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
