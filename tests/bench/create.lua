-- Requests that each create another catalog; `prefix` keeps the names of several runs apart.
local prefix, number = os.time() .. "-" .. tostring({}):sub(-6), 0

request = function()
  number = number + 1
  local body = string.format('{"name":"bench-%s-%d","url":"https://charts.example/%d"}', prefix, number, number)
  return wrk.format("POST", nil, nil, body)
end
