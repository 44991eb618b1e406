-- What both scripts need of Pktgen: one flow, a rate, and counters that have come to rest.
local flow = {}

local LINE_BYTES = 20           -- preamble and gap of a frame, which Pktgen counts too
local COUNTERS_MS = 2200        -- Pktgen reads the ports' counters once a second

function flow.settings()
  return dofile(os.getenv("SPIGRP_PKTGEN") or "bench/pktgen/settings.lua")
end

function flow.set_up(settings)
  local port = tostring(settings.source)
  pktgen.stop("all")
  pktgen.set_mac(port, "dst", settings.gateway_mac)
  pktgen.set_ipaddr(port, "src", settings.from)
  pktgen.set_ipaddr(port, "dst", settings.to)
  pktgen.set_type(port, "ipv4")
  pktgen.set_proto(port, "udp")
  pktgen.set(port, "sport", 1000)
  pktgen.set(port, "dport", 2000)
  local speed = pktgen.linkState("all")[settings.source]
  return 1e6 * (tonumber(string.match(speed or "", "(%d+)")) or 10000)
end

-- Offers `pps` for `seconds`; returns how many were sent, how many came, and how many the ports missed.
function flow.trial(settings, size, pps, seconds, bits_a_second)
  local port = tostring(settings.source)
  pktgen.set(port, "size", size)
  pktgen.set(port, "rate", math.min(100, 100 * pps * 8 * (size + LINE_BYTES) / bits_a_second))
  pktgen.set(port, "count", math.floor(pps * seconds))
  pktgen.delay(COUNTERS_MS)
  pktgen.clr()
  local before = pktgen.portStats("all", "port")
  pktgen.start(port)
  pktgen.delay(math.floor(seconds * 1000))
  local sending = pktgen.isSending(port)[settings.source]  -- "y" where it could not offer that much in time
  pktgen.stop(port)
  pktgen.delay(COUNTERS_MS)
  local after = pktgen.portStats("all", "port")
  local function grown(which, name) return after[which][name] - before[which][name] end
  return { size = size, wanted_pps = pps, sent = grown(settings.source, "opackets"),
           came = grown(settings.sink, "ipackets"), in_time = sending ~= "y",
           missed = grown(settings.sink, "imissed") + grown(settings.sink, "rx_nombuf") }
end

local function json(value)
  if type(value) ~= "table" then
    return type(value) == "string" and string.format("%q", value) or tostring(value)
  end
  local parts = {}
  if #value > 0 then
    for _, item in ipairs(value) do parts[#parts + 1] = json(item) end
    return "[" .. table.concat(parts, ", ") .. "]"
  end
  for name, item in pairs(value) do parts[#parts + 1] = string.format("%q: %s", name, json(item)) end
  return "{" .. table.concat(parts, ", ") .. "}"
end

function flow.write(settings, result)
  local file = assert(io.open(settings.result, "w"))
  file:write(json(result), "\n")
  file:close()
end

return flow
