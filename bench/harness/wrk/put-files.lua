-- PUTs a new file of SIZE bytes (4096) with every request: name and content come from seed, thread and a counter.
local seed = os.getenv("SEED")
local prefix = os.getenv("PREFIX")
local authorization = os.getenv("AUTHORIZATION")
local size = tonumber(os.getenv("SIZE") or 4096)
local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

function init(args)
  math.randomseed(number * 7919)
  local bytes = {}
  for i = 1, size do bytes[i] = string.char(math.random(0, 255)) end
  filler = table.concat(bytes)
  count = 0
  headers = { ["Content-Type"] = "application/octet-stream" }
  if authorization then headers["Authorization"] = authorization end
end

function request()
  count = count + 1
  local id = string.format("%s-%d-%09d", seed, number, count)
  return wrk.format("PUT", prefix .. id .. ".bin", headers, id .. string.sub(filler, #id + 1))
end
