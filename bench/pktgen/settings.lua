-- What the scripts here send, and where; bench/wire.py --generator pktgen writes a file like this one for each run and
-- names it in SPIGRP_PKTGEN. Ports are Pktgen's numbers.
return {
  source = 0, sink = 1,                       -- out: the LAN, the WAN
  gateway_mac = "02:00:00:00:01:01",          -- of the gateway's port that the source is connected to
  from = "10.1.0.2/32", to = "10.2.0.2",      -- a flow that an eroute protects
  sizes = { 64, 128, 256, 512, 1024, 1280, 1518 }, -- frames with their checksum
  seconds = 2,                                -- of a trial; RFC 2544 wants 60
  resolution = 0.01,                          -- of the search
  highest_pps = 10e6,                         -- where the search begins
  frames_out = 1,                             -- for each frame in; 2 where the gateway has to fragment
  zero_loss_pps = { [128] = 1e6, [512] = 1e6, [1024] = 1e6, [1280] = 1e6, [1518] = 5e5, [256] = 1e6 }, -- for latency.lua
  result = "pktgen-result.json",
}
