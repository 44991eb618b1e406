// See address_words.h.
#include "commands/address_words.h"

namespace spigrp {

tl::unexpected<Error> in_option(std::string_view option, const Error& error) {
  const std::string object = std::string(option) + (error.object.empty() ? "" : " " + error.object);
  return failure(object, error.problem, error.remedy);
}

Expected<IpAddress> read_address(const Words& words, std::string_view option, std::optional<Family> wanted,
                                 const CommandWorld& world) {
  const auto text = words.required(option);
  if (!text) return tl::unexpected(text.error());
  auto address = world.resolve(*text, wanted);
  if (!address) return in_option(option, address.error());
  if (wanted && address->family != *wanted) {
    return failure(std::string(option) + " " + as_typed(*text),
                   "is no address of the family " + std::string(family_word(*wanted)));
  }
  return address;
}

Expected<IpPrefix> read_network(const Words& words, std::string_view option, std::optional<Family> wanted,
                                const CommandWorld& world) {
  const auto text = words.required(option);
  if (!text) return tl::unexpected(text.error());
  const size_t slash = text->find('/');
  const std::string_view host = text->substr(0, slash);
  std::string numeric(*text);
  if (!parse_ip_address(host)) {
    const auto found = world.resolve(host, wanted);
    if (!found) {
      const std::string remedy = "write it as ADDRESS/bits or ADDRESS/netmask";
      return in_option(option, {found.error().object, found.error().problem, remedy});
    }
    numeric = found->text() + std::string(slash == std::string_view::npos ? "" : text->substr(slash));
  }
  auto prefix = parse_ip_prefix(numeric);
  if (!prefix) return in_option(option, prefix.error());
  if (wanted && prefix->address.family != *wanted) {
    return failure(std::string(option) + " " + as_typed(*text),
                   "is no network of the family " + std::string(family_word(*wanted)));
  }
  return prefix;
}

}  // namespace spigrp
