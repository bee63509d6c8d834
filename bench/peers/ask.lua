-- wrk -s ask.lua URL -- BODIES [RATE]: one JSON body per line, asked in turn.
-- RATE: requests per second, at fixed instants; whichever connection is free takes the next.
-- Without it every connection asks again as soon as it is answered.
local ffi = require("ffi")
ffi.cdef[[
typedef struct { long seconds; long nanoseconds; } instant;
int clock_gettime(int clock, instant *now);
]]

local MONOTONIC = 1
local START_MS, LATE_MS = 20, 2
local instant = ffi.new("instant")
local requests, at, due, step = {}, 0, nil, nil
local threads = {}

local function now_ms()
  ffi.C.clock_gettime(MONOTONIC, instant)
  return tonumber(instant.seconds) * 1e3 + tonumber(instant.nanoseconds) / 1e6
end

local function wait_ms()
  local now = now_ms()
  due = (due or now + START_MS) + step
  if now - due > LATE_MS then late = late + 1 end
  return math.max(0, math.floor(due - now))
end

function setup(thread)
  threads[#threads + 1] = thread
end

function init(args)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  for body in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format(nil, nil, nil, body)
  end
  late = 0
  if args[2] then
    step = 1e3 / tonumber(args[2])
    delay = wait_ms
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency, _)
  local e = summary.errors
  local broken = e.connect + e.read + e.write + e.timeout
  io.write(string.format('\n{"answers": %d, "refused": %d, "broken": %d, "seconds": %.6f',
    summary.requests, e.status, broken, summary.duration / 1e6))
  io.write(string.format(', "late": %d', threads[1]:get("late")))
  for name, percent in pairs({p50 = 50, p95 = 95, p99 = 99, ["p99.9"] = 99.9}) do
    io.write(string.format(', "%s": %.3f', name, latency:percentile(percent) / 1e3))
  end
  io.write("}\n")
end
