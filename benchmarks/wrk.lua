-- wrk -s benchmarks/wrk.lua URL -- FILE [in-pairs]
--
-- Sends the requests of FILE one after the other (benchmarks/request_file.py). "in-pairs": each answer 201 has an id,
-- and the next request of that connection is the last one of FILE with this id in its path. Prints a line of JSON.

requests, sent, reused = {}, 0, 0
local follow_up, ids = nil, {}

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  for length in file:lines() do
    requests[#requests + 1] = file:read(tonumber(length))
  end
  file:close()
  if arguments[2] == "in-pairs" then
    follow_up = table.remove(requests)
    -- Defined only here, because wrk is slower with it.
    response = function(status, _, body)
      if status == 201 then
        ids[#ids + 1] = body:match('"id": ?"?([^",}]+)')
      end
    end
  end
end

function request()
  local id = table.remove(ids)
  if id then
    return (follow_up:gsub("{id}", id))
  end
  sent = sent + 1
  if sent > #requests then
    reused = reused + 1
  end
  return requests[(sent - 1) % #requests + 1]
end

local threads = {}

function setup(thread)
  threads[#threads + 1] = thread
end

function done(summary, latency, _)
  local errors, reused_count = summary.errors, 0
  for _, thread in ipairs(threads) do
    reused_count = reused_count + thread:get("reused")
  end
  io.write(string.format(
    '{"requests": %d, "seconds": %f, "p50_ms": %f, "p99_ms": %f, "refused": %d, "broken": %d, "reused": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout, reused_count))
end
