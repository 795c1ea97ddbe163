-- Which paths wrk asks for: "one", "random <count>", or "unique <prefix>". Its summary goes out as JSON.
function init(args)
  local kind = args[1]
  wrk.headers["Host"] = "www.example.com"
  if kind == "random" then
    local count = tonumber(args[2])
    math.randomseed(os.time())
    request = function()
      return wrk.format("GET", "/p-" .. math.random(0, count - 1))
    end
  elseif kind == "unique" then
    local prefix, next = args[2], 0
    request = function()
      next = next + 1
      return wrk.format("GET", "/" .. prefix .. "-" .. next)
    end
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%f,"p50Ms":%f,"p99Ms":%f,"failed":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end
