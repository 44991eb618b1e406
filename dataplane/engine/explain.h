// Explainer: what the workers would do with a packet, without doing it. A packet goes the workers' way through the same
// decisions (forwarding.h, outbound.h, transmit.h, local.h) and the transforms' rehearsals, in buffers of its own: none
// is sent, no counter moves, no sequence number is used, and no buffer that packets need is taken. Control thread only.
//
// Not predicted, because it is not the configuration's: full queues, used-up buffers, the rate limit of ICMP errors,
// how well something compresses, whether a next hop answers. What becomes of ESP, AH, IPComp or a tunnel for the
// gateway itself depends on keys; what comes out of a group can be asked about by itself.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "config/error.h"
#include "config/explanation.h"
#include "engine/network.h"
#include "engine/plain_packet.h"
#include "packet/buffer.h"

struct rte_mempool;

namespace spigrp {

class Explainer {
 public:
  // Its buffers are as large as those of `pools`. Error: no memory.
  static Expected<std::unique_ptr<Explainer>> create(const Network& network, BufferPools pools);
  ~Explainer();
  Explainer(const Explainer&) = delete;
  Explainer& operator=(const Explainer&) = delete;

  // Errors: no such port, no such SA, not so large a packet.
  Expected<Explanation> explain(const ExplainQuery& query);

  struct Arrival {
    uint16_t port = 0;               // index
    const SaGroup* group = nullptr;  // that the packet came out of; null: it came in the clear
  };
  // Any IP packet, as it would come in. Error: not so large a packet.
  Expected<Explanation> explain(std::span<const uint8_t> packet, const Arrival& arrival);

 private:
  explicit Explainer(const Network& network) noexcept : network_(network) {}

  const Network& network_;
  BufferPools buffers_{nullptr};  // its own
};

}  // namespace spigrp
