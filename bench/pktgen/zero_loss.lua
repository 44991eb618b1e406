-- The highest rate at which nothing is lost (RFC 2544 section 26.1), by Pktgen: halves between what passed and what did not.
-- Run from the project's directory, or with SPIGRP_BENCH naming bench/: pktgen … -- … -f bench/pktgen/zero_loss.lua
local flow = dofile((os.getenv("SPIGRP_BENCH") or "bench") .. "/pktgen/flow.lua")
local settings = flow.settings()
local bits_a_second = flow.set_up(settings)

local function search(size)
  local low, high, pps = 0, settings.highest_pps, settings.highest_pps
  local row = { size = size, zero_loss_pps = 0, trials = {} }
  while true do
    local trial = flow.trial(settings, size, pps, settings.seconds, bits_a_second)
    row.trials[#row.trials + 1] = trial
    trial.passed = trial.sent > 0 and trial.came == trial.sent * settings.frames_out and trial.missed == 0
    if trial.passed and trial.in_time then
      low, row.zero_loss_pps = pps, pps
    else -- lost, or more than Pktgen can offer
      high = pps
      row.limit = trial.passed and "generator" or "loss"
    end
    if low == settings.highest_pps or high - low <= settings.resolution * high or high < settings.highest_pps / 1000 then
      return row
    end
    pps = (low + high) / 2
  end
end

local rows = {}
for _, size in ipairs(settings.sizes) do
  rows[#rows + 1] = search(size)
  flow.write(settings, { rows = rows }) -- so that something is there if it is stopped
end
pktgen.quit()
