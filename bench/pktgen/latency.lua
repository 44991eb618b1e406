-- What a packet waits at parts of the zero-loss rate, by Pktgen's own time stamps. They are in the payload, so they must come
-- out in the clear: between two gateways, of which the second takes off what the first puts on, or through one that only
-- forwards. settings.zero_loss_pps says at which rate each size loses nothing, as zero_loss.lua has found it.
local bench = os.getenv("SPIGRP_BENCH") or "bench"
local flow = dofile(bench .. "/pktgen/flow.lua")
local settings = flow.settings()
local bits_a_second = flow.set_up(settings)
local LOADS = { 0.1, 0.5, 0.9 }
local LEAST_BYTES = 96      -- shorter frames have no room for the stamp

local rows = {}
for _, size in ipairs(settings.sizes) do
  if size >= LEAST_BYTES then
    for _, load in ipairs(LOADS) do
      pktgen.latency(tostring(settings.source), "enable")
      pktgen.latency(tostring(settings.sink), "enable")
      local row = flow.trial(settings, size, settings.zero_loss_pps[size] * load, settings.seconds, bits_a_second)
      local latency = pktgen.pktStats(tostring(settings.sink))[settings.sink].latency
      row.load, row.min_us, row.max_us = load, latency.min_us, latency.max_us
      row.stamped = latency.num_pkts
      rows[#rows + 1] = row
    end
  end
end
flow.write(settings, { latency = rows })
pktgen.quit()
