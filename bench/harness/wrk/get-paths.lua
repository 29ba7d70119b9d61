-- GETs the paths of a file, one per line, in turn; every thread begins somewhere else.
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(args)
  requests = {}
  for line in io.lines(os.getenv("PATHS")) do
    requests[#requests + 1] = wrk.format("GET", line)
  end
  at = math.floor(#requests * number / 2)
end

function request()
  at = at % #requests + 1
  return requests[at]
end
