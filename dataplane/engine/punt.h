// What passes between workers and the control thread: packets that a worker cannot finish by itself, and frames that
// somebody else made for it to send. Whoever takes an element out owns its packet.
#pragma once

#include <cstdint>
#include <optional>

#include "config/ip_address.h"
#include "packet/headers.h"
#include "state/ring.h"
#include "state/versions.h"

struct rte_mbuf;

namespace spigrp {

// How a packet came to be sent.
enum class Passage : uint8_t {
  kPlain,      // forwarded without any transform
  kProtected,  // into a group
  kOwn,        // made here
  kTakenOff,   // out of a group, and on in the clear
};

enum class PuntKind : uint8_t {
  kArp,                 // begins at the ARP header
  kNeighbourDiscovery,  // begins at the IPv6 header: a neighbour solicitation or advertisement
  kPathMtu,             // begins at the IP header: see path_mtu_report.h
  kUnresolved,          // begins at the IP header: waits for the MAC address of next_hop
  kTrap,                // begins at the IP header: see trap_maker.h
};

struct Punt {
  rte_mbuf* packet;
  IpAddress next_hop;  // kUnresolved only
  uint16_t port;       // received on; kUnresolved: to leave by
  PuntKind kind;
  Passage passage;             // kUnresolved only
  Generation eroutes_changed;  // kUnresolved only: SaTables::eroutes_changed_at() when it was decided that it leaves
};

// A frame with its Ethernet header complete.
struct Frame {
  rte_mbuf* packet;
  uint16_t port;
  Passage passage;
};

inline constexpr uint32_t kPuntQueuePackets = 1024;
inline constexpr uint32_t kInjectQueueFrames = 1024;
inline constexpr uint32_t kHandoverQueueFrames = 2048;
inline constexpr uint32_t kResumeQueuePackets = 1024;

// The queues of one worker.
struct WorkerQueues {
  Ring<Punt> punts;         // worker → control
  Ring<Frame> injected;     // control → worker
  Ring<Frame> handed_over;  // other workers → the one that has the port's transmit queue
  Ring<rte_mbuf*> resumed;  // control → worker: were held; each begins at its IP header and names its port's number
};

}  // namespace spigrp
