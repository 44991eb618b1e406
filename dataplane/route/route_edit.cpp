// See route_edit.h. Nothing here changes the tables: what passes the checks is staged, and link() puts it in.
#include "route/route_edit.h"

#include "route/route_staging.h"

namespace spigrp {
namespace {

std::string route_text(const IpPrefix& destination) {
  return "route " + destination.text();
}

// "address 10.1.0.1/24"
std::string address_text(const IpPrefix& address) {
  return "address " + address.text();
}

IpPrefix host_prefix(const IpAddress& address) noexcept {
  return {address, address.max_bits()};
}

bool is_link_local(const IpAddress& address) noexcept {
  return address.family == Family::kIpv6 && address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0x80;
}

bool is_multicast(const IpAddress& address) noexcept {
  return address.family == Family::kIpv4 ? address.bytes[0] >= 224 && address.bytes[0] < 240 : address.bytes[0] == 0xff;
}

}  // namespace

RouteEdit::RouteEdit(RouteTables& tables, Versions& versions)
    : staged_(std::make_unique<Staged>(tables.state(), versions)) {}

RouteEdit::~RouteEdit() = default;

Expected<void> RouteEdit::add_address(const AddressSpec& spec) {
  if (auto valid = validate(spec); !valid) return valid;
  const std::string object = address_text(spec.address);
  const IpAddress& address = spec.address.address;
  const auto port = staged_->find_port(object, spec.device);
  if (!port) return tl::unexpected(port.error());
  // A link-local address is one of its link: every port may have the same.
  const auto present = is_link_local(address) ? staged_->own().find(address, *port) : staged_->own().find(address);
  if (present) {
    return failure(object,
                   "exists already as " + present->address.text() + " on " + staged_->state.ports[present->port].name,
                   "delete it first with: address --del " + present->address.text() + " --dev " +
                       staged_->state.ports[present->port].name);
  }
  const IpPrefix host = host_prefix(address);
  if (staged_->find_route(host) != nullptr) {
    return failure(object, "there is a route to it", "delete it first with: route --del --dst " + host.text());
  }
  if (auto room = staged_->check_room(object, 2); !room) return room;
  staged_->own_to_change().add(spec.address, *port);
  staged_->touched.insert({host, spec.address.masked()});
  return {};
}

Expected<void> RouteEdit::delete_address(const AddressSpec& spec) {
  if (auto valid = validate(spec); !valid) return valid;
  const std::string object = address_text(spec.address);
  const auto port = staged_->find_port(object, spec.device);
  if (!port) return tl::unexpected(port.error());
  const auto present = staged_->own().find(spec.address.address, *port);
  if (!present || present->address != spec.address) {
    return failure(object, "no such address on " + spec.device,
                   present ? "it is " + present->address.text() : "address lists those there are");
  }
  staged_->own_to_change().remove(spec.address, *port);
  staged_->touched.insert({host_prefix(spec.address.address), spec.address.masked()});
  return {};
}

Expected<void> RouteEdit::add_route(const RouteSpec& spec) {
  if (auto valid = validate(spec); !valid) return valid;
  const std::string replace = "change it with: route --replace";
  if (staged_->find_route(spec.destination) != nullptr) {
    return failure(route_text(spec.destination), "exists already", replace);
  }
  if (const auto port = staged_->own().port_of(spec.destination)) {
    return failure(route_text(spec.destination),
                   "is the network of an own address on " + staged_->state.ports[*port].name, replace);
  }
  return replace_route(spec);
}

Expected<void> RouteEdit::replace_route(const RouteSpec& spec) {
  if (auto valid = validate(spec); !valid) return valid;
  const std::string object = route_text(spec.destination);
  const bool is_host = spec.destination == host_prefix(spec.destination.address);
  if (is_host && staged_->own().find(spec.destination.address)) {
    return failure(object, "is an own address of the gateway", "address lists them");
  }
  RouteSpec complete = spec;
  if (auto completed = staged_->complete(complete); !completed) return completed;
  if (staged_->find_route(spec.destination) == nullptr) {
    if (auto room = staged_->check_room(object, 1); !room) return room;
  }
  staged_->put_route(complete);
  return {};
}

Expected<void> RouteEdit::delete_route(const IpPrefix& destination) {
  if (auto valid = validate(RouteSpec{.destination = destination}); !valid) return valid;
  if (staged_->find_route(destination) == nullptr) {
    return failure(route_text(destination), "no such route",
                   staged_->own().port_of(destination) ? "it is the network of an own address, and goes with it"
                                                       : "route lists those there are");
  }
  staged_->erase_route(destination);
  return {};
}

Expected<void> RouteEdit::set_neighbour(const NeighbourSpec& spec) {
  const std::string object = "neighbour " + spec.address.text();
  const auto port = staged_->find_port(object, spec.device);
  if (!port) return tl::unexpected(port.error());
  if (spec.address.is_unspecified() || is_multicast(spec.address))
    return failure(object, "is not the address of one host");
  if (staged_->own().find(spec.address, *port)) return failure(object, "is an own address of the gateway");
  if ((spec.mac[0] & 1) != 0 || spec.mac == MacAddress{}) {
    return failure(object, text(spec.mac) + " is not the MAC address of one host");
  }
  if (!staged_->neighbours.put({spec.address, *port}, {spec.mac, true})) {
    return failure(
        object,
        "the table is full: it has room for " + std::to_string(staged_->state.neighbour_capacity) + " neighbours",
        "raise neighbours in the configuration's [tables]");
  }
  return {};
}

Expected<void> RouteEdit::delete_neighbour(const IpAddress& address, const std::string& device) {
  const std::string object = "neighbour " + address.text();
  const auto port = staged_->find_port(object, device);
  if (!port) return tl::unexpected(port.error());
  if (staged_->neighbours.find({address, *port}) == nullptr) {
    return failure(object, "no such neighbour on " + device, "neigh lists those there are");
  }
  staged_->neighbours.erase({address, *port});
  return {};
}

bool RouteEdit::learn_neighbour(uint16_t port, const IpAddress& address, const MacAddress& mac) {
  if (port >= staged_->state.ports.size()) return false;
  const Neighbour* known = staged_->neighbours.find({address, port});
  if (known != nullptr && (known->is_static || known->mac == mac)) return false;
  return staged_->neighbours.put({address, port}, {mac, false});
}

Expected<void> RouteEdit::create_interface(const std::string& name) {
  const auto number = parse_interface_name(name);
  if (!number) return tl::unexpected(number.error());
  if (staged_->interfaces()[*number]) {
    return failure(name, "exists already", "attach it with: tncfg --attach --virtual " + name + " --physical PORT");
  }
  if (find_port(name, staged_->state.ports)) return failure(name, "is the name of a port", "take another number");
  staged_->interfaces_to_change()[*number] = kNoPort;
  return {};
}

Expected<void> RouteEdit::delete_interface(const std::string& name) {
  const auto number = staged_->find_interface(name);
  if (!number) return tl::unexpected(number.error());
  const auto routes = staged_->routes_to(name);
  if (!routes.empty()) {
    const std::string count = routes.size() == 1 ? "a route leads" : std::to_string(routes.size()) + " routes lead";
    return failure(name,
                   count + " to it, " + (routes.size() == 1 ? "" : "one of them ") + "that of " + routes[0].text(),
                   "delete it first with: route --del --dst " + routes[0].text());
  }
  staged_->interfaces_to_change()[*number].reset();
  return {};
}

Expected<void> RouteEdit::attach_interface(const std::string& name, const std::string& port) {
  const auto number = staged_->find_interface(name);
  if (!number) return tl::unexpected(number.error());
  const auto index = staged_->find_port(name, port);
  if (!index) return tl::unexpected(index.error());
  const uint16_t present = *staged_->interfaces()[*number];
  if (present != kNoPort) {
    return failure(name, "is attached to " + staged_->state.ports[present].name + " already",
                   "detach it first with: tncfg --detach --virtual " + name);
  }
  staged_->interfaces_to_change()[*number] = *index;
  staged_->moved_devices.insert(name);
  return {};
}

Expected<void> RouteEdit::detach_interface(const std::string& name) {
  const auto number = staged_->find_interface(name);
  if (!number) return tl::unexpected(number.error());
  if (*staged_->interfaces()[*number] == kNoPort) {
    return failure(name, "is attached to no port", "tncfg lists the interfaces with their ports");
  }
  staged_->interfaces_to_change()[*number] = kNoPort;
  staged_->moved_devices.insert(name);
  return {};
}

void RouteEdit::clear_interfaces() {
  for (uint16_t number = 0; number < kMaxInterfaces; ++number) {
    if (!staged_->interfaces()[number]) continue;
    for (const IpPrefix& destination : staged_->routes_to(interface_name(number))) staged_->erase_route(destination);
    staged_->interfaces_to_change()[number].reset();
  }
}

void RouteEdit::link() noexcept {
  staged_->link();
  staged_.reset();
}

}  // namespace spigrp
