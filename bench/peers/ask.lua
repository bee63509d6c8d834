-- wrk -s ask.lua URL -- BODIES: one JSON body per line, asked in turn.
local requests, at = {}, 0

function init(args)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  for body in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format(nil, nil, nil, body)
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
  for name, percent in pairs({p50 = 50, p95 = 95, p99 = 99, ["p99.9"] = 99.9}) do
    io.write(string.format(', "%s": %.3f', name, latency:percentile(percent) / 1e3))
  end
  io.write("}\n")
end
