// Names of hosts → addresses, by the system's resolver: /etc/hosts and the DNS. Only the commands ask it; the daemon
// takes numeric addresses.
#pragma once

#include <optional>
#include <string_view>

#include "config/ip_address.h"

namespace spigrp {

// An AddressResolver. A numeric address is taken as it is. Errors: nobody knows the name, it has no address of the
// wanted family, the resolver does not answer.
Expected<IpAddress> look_up_name(std::string_view name, std::optional<Family> wanted);

}  // namespace spigrp
