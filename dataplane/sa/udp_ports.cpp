// See udp_ports.h. The last SA that lets go of a PeerPort takes its entry away. Workers may still read it then, so SAs
// end where old versions are reclaimed.
#include "sa/udp_ports.h"

#include "sa/sa.h"

namespace spigrp {

UdpPorts::UdpPorts() : uses_(words_.size() * 64) {
  use(kNatTraversalPort);
}

void UdpPorts::share(Sa& sa) {
  if (!sa.udp) return;
  const UdpEncapsulation& ports = sa.udp->ports;
  sa.udp->to_peer = shared({sa.id.destination, sa.source, ports.destination_port, ports.source_port});
  sa.udp->from_peer = shared({sa.source, sa.id.destination, ports.source_port, ports.destination_port});
}

std::shared_ptr<PeerPort> UdpPorts::shared(const Key& key) {
  std::weak_ptr<PeerPort>& known = peers_[key];
  if (auto present = known.lock()) return present;
  std::shared_ptr<PeerPort> made(new PeerPort(key.peer_port), [ports = shared_from_this(), key](PeerPort* peer) {
    ports->peers_.erase(key);
    ports->release(key.own_port);
    delete peer;
  });
  use(key.own_port);
  known = made;
  return made;
}

void UdpPorts::use(uint16_t own_port) noexcept {
  if (uses_[own_port]++ == 0) words_[own_port / 64].fetch_or(uint64_t{1} << own_port % 64, std::memory_order_relaxed);
}

void UdpPorts::release(uint16_t own_port) noexcept {
  if (--uses_[own_port] == 0) {
    words_[own_port / 64].fetch_and(~(uint64_t{1} << own_port % 64), std::memory_order_relaxed);
  }
}

}  // namespace spigrp
