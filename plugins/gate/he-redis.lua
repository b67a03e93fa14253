-- SPDX-License-Identifier: LGPL-2.1-or-later
-- The same rules as he-session-slots.c, on Redis' clock.
-- KEYS[1] the account. ARGV: 1 id, 2 "entry", "playlist", "media" or "rejoin", 3 "evict" or "reject",
-- 4 slot's time to live, 5 lease, 6 age, 7 time to the hard end, 8 sessions at a time, 9
-- address (hex or ""), 10 lease left, as far as known; microseconds. 11 the channel for who
-- is ended, 12 ids of sessions that it replaces.
-- The first that it writes is HSET, which a Redis that is full refuses; after another it would
-- not.
-- Returns {code}, or {200, age, time to the hard end, lease left, evicted ids...}.
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local id, how, key = ARGV[1], ARGV[2], KEYS[1]
local ttl, lease, retain = tonumber(ARGV[4]), tonumber(ARGV[5]), 600000000
local function write(r)
  redis.call('HSET', key, r.id, string.format('%.0f %.0f %.0f %.0f %d %d %s',
    r.o, r.h, r.l, r.s, r.e, r.m, r.a))
end
local function earlier(a, b)
  if a.o ~= b.o then return a.o < b.o end
  return a.id < b.id
end
local function moves(sessions)
  local n, last = 0, nil
  table.sort(sessions, earlier)
  for _, r in ipairs(sessions) do
    if last and last ~= r.a and r.o > now - 3600000000 then n = n + 1 end
    last = r.a
  end
  return n
end
local all, over, self, last = {}, {}, nil, 0
-- What we did not write is in the way of this account, not of all.
local flat = redis.pcall('HGETALL', key)
if flat.err then return string.find(flat.err, 'WRONGTYPE', 1, true) and {608} or flat end
for i = 1, #flat, 2 do
  local o, h, l, s, e, m, a =
    string.match(flat[i + 1], '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%x*)$')
  local r = {id = flat[i], o = tonumber(o), h = tonumber(h), l = tonumber(l),
    s = tonumber(s), e = tonumber(e), m = tonumber(m), a = a}
  if not r.h or r.h + retain <= now then
    over[#over + 1] = r.id
  else
    all[#all + 1] = r
    last = math.max(last, r.h)
    if r.id == id then self = r end
    r.old = r.e == 0 and string.find(ARGV[12], r.id, 1, true)
  end
end
local held = true
if self then
  if self.a ~= ARGV[9] then return {602} end
  if self.e ~= 0 then return {self.e} end
  if now >= self.h or (how == 'media' and now >= self.l) then return {603} end
  if how == 'rejoin' and now >= self.l then return {404} end
  held = now < self.s + ttl
elseif how == 'rejoin' then
  return {404}
else
  self = {id = id, o = now - ARGV[6], h = now + ARGV[7], l = 0, s = 0, e = 0,
    m = tonumber(ARGV[8]), a = ARGV[9]}
  self.l = math.min(now + ARGV[10], self.h)
  held = how ~= 'entry'
  local before = moves(all)
  all[#all + 1] = self
  local after = moves(all)
  if how == 'entry' and after > before and after > math.min(12 * self.m, 48 + self.m) then
    return {605}
  end
end
local live, limit, losers = {}, self.m, {}
for _, r in ipairs(all) do
  if r == self or (r.e == 0 and not r.old and now < r.h and now < r.s + ttl) then
    live[#live + 1] = r
    limit = math.min(limit, r.m)
  end
end
limit = math.max(limit, 1)
table.sort(live, earlier)
if ARGV[3] == 'evict' then
  for i = 1, #live - limit do
    live[i].e = 604
    write(live[i])
    redis.call('PUBLISH', ARGV[11], live[i].id .. ' 604')
    if live[i] ~= self then losers[#losers + 1] = live[i].id end
  end
elseif #live > limit then
  local rank = 0
  for i, r in ipairs(live) do if r == self then rank = i end end
  if not held or rank > limit then return {605} end
end
last = math.max(last, self.h)
local function keep()
  for _, old in ipairs(over) do redis.call('HDEL', key, old) end
  redis.call('PEXPIRE', key, math.ceil((last + retain - now) / 1000))
end
if self.e ~= 0 then
  keep()
  return {self.e}
end
self.s = now
if how ~= 'media' then self.l = math.max(self.l, math.min(now + lease, self.h)) end
write(self)
for _, r in ipairs(all) do
  if r.old then
    r.e = 604
    write(r)
    redis.call('PUBLISH', ARGV[11], r.id .. ' 604')
    losers[#losers + 1] = r.id
  end
end
keep()
local spare = #all - 64 - 2 * self.m
table.sort(all, earlier)
for _, r in ipairs(all) do
  if spare > 0 and r.e == 604 then
    redis.call('HDEL', key, r.id)
    spare = spare - 1
  end
end
return {200, now - self.o, self.h - now, self.l - now, unpack(losers)}
