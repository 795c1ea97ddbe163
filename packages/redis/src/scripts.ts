/**
 * What is done in the server, in one step each. Every key of a script is in one slot of a cluster: `{name}`.
 * Answers are flat lists of texts and numbers, which look the same in all clients and versions of the protocol.
 *
 * The chain is a stream: entry `<number>-0` has the fields n, its mark, p, the mark before it, o, the machine, and s,
 * what it says. The list of machines is a hash: name to `<number>:<token>`; under `list` a random name of the list, so
 * that one that was lost and begun again is another one; and under `steady` the run that a machine has had contact with
 * for a lease. A run is one of the server and one of the list.
 */

import { createHash } from "node:crypto";
import type { Connection, Word } from "./clients.js";

/** Which run this is; `""` where a script may not ask the server. */
const RUN = `
local function run()
  local info = redis.pcall('INFO', 'server')
  local id = type(info) == 'string' and string.match(info, 'run_id:(%w+)')
  if not id then return '' end
  return id .. '/' .. (redis.call('HGET', KEYS[2], 'list') or '')
end
local function ofmachine(field)
  return field ~= 'steady' and field ~= 'list'
end`;

const NUMBER = `
local function numberof(entry)
  return tonumber(string.match(entry[1], '^%d+'))
end
local function newest()
  return redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
end
local function list(out, entries)
  for _, entry in ipairs(entries) do
    local f = entry[2]
    out[#out + 1] = numberof(entry)
    out[#out + 1] = f[2]
    out[#out + 1] = f[4]
    out[#out + 1] = f[8]
  end
  return out
end`;

/** KEYS: log, machines, missing. ARGV: machine, number, mark, token, run to call steady or "", most records, for how
 * many milliseconds a machine counts as missing when another run becomes steady.
 * Answers: state, last, run, steady, machines, what the machine was listed with or "", then number, mark, mark before
 * and text of each record. */
export const BEAT = `${RUN}${NUMBER}
local last = newest()
if not last then return {'absent'} end
local number = tonumber(ARGV[2])
local at = redis.call('XRANGE', KEYS[1], ARGV[2] .. '-0', ARGV[2] .. '-0')[1]
if at then
  if at[2][2] ~= ARGV[3] then return {'diverged'} end
else
  local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
  if not (numberof(first) == number + 1 and first[2][4] == ARGV[3]) then
    if numberof(first) > number then return {'behind'} end
    return {'diverged'}
  end
end
local before = redis.call('HGET', KEYS[2], ARGV[1]) or ''
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2] .. ':' .. ARGV[4])
redis.call('HSETNX', KEYS[2], 'list', ARGV[4])
local now = run()
local steady = redis.call('HGET', KEYS[2], 'steady')
if now ~= '' and ARGV[5] == now and steady ~= now then
  local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
  if steady or numberof(first) > 1 then redis.call('SET', KEYS[3], '1', 'PX', ARGV[7]) end
  redis.call('HSET', KEYS[2], 'steady', now)
  steady = now
end
local out = {'ok', numberof(last), now, steady or '', redis.call('HLEN', KEYS[2]) - (steady and 2 or 1), before}
return list(out, redis.call('XRANGE', KEYS[1], string.format('%d-0', number + 1), '+', 'COUNT', ARGV[6]))`;

/** KEYS: log, machines, missing. ARGV: records to keep, machine, then mark and text of each record.
 * Answers: state, first, last, 1 when a machine is missing, run, steady, then name and listing of each machine. */
export const APPEND = `${RUN}${NUMBER}
local last = newest()
if not last then return {'absent'} end
local number = numberof(last)
local first = number + 1
local before = last[2][2]
for i = 3, #ARGV, 2 do
  number = number + 1
  local id = string.format('%d-0', number)
  local fields = {'n', ARGV[i], 'p', before, 'o', ARGV[2], 's', ARGV[i + 1]}
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], id, unpack(fields))
  before = ARGV[i]
end
local machines = redis.call('HGETALL', KEYS[2])
local steady = redis.call('HGET', KEYS[2], 'steady') or ''
local out = {'ok', first, number, redis.call('EXISTS', KEYS[3]), run(), steady}
for i = 1, #machines, 2 do
  if ofmachine(machines[i]) then
    out[#out + 1] = machines[i]
    out[#out + 1] = machines[i + 1]
  end
end
return out`;

/** KEYS: log, machines. ARGV: number, mark, machines. Answers: run, 1 when the record is there, the listing of each
 * machine or "". */
export const CONFIRM = `${RUN}
local at = redis.call('XRANGE', KEYS[1], ARGV[1] .. '-0', ARGV[1] .. '-0')[1]
local out = {run(), (at and at[2][2] == ARGV[2]) and 1 or 0}
for i = 3, #ARGV do out[i] = redis.call('HGET', KEYS[2], ARGV[i]) or '' end
return out`;

/** KEYS: machines, missing. ARGV: milliseconds, then name and listing of each machine. */
export const GIVE_UP = `
local given = 0
for i = 2, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then
    redis.call('HDEL', KEYS[1], ARGV[i])
    given = given + 1
  end
end
if given > 0 then redis.call('SET', KEYS[2], '1', 'PX', ARGV[1]) end
return given`;

/** KEYS: log. ARGV: machine, number, mark, mark of the record that begins the chain, then number, mark, mark before and
 * text of each record that is known. */
export const FOUND = `
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local function add(number, mark, before, text)
  redis.call('XADD', KEYS[1], string.format('%d-0', number), 'n', mark, 'p', before, 'o', ARGV[1], 's', text)
end
for i = 5, #ARGV, 4 do add(tonumber(ARGV[i]), ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]) end
add(tonumber(ARGV[2]) + 1, ARGV[4], ARGV[3], '')
return 1`;

/** KEYS: log. Answers: number and mark of the newest record, or nothing. */
export const LAST = `${NUMBER}
local last = newest()
if not last then return {} end
return {numberof(last), last[2][2]}`;

/** KEYS: log. ARGV: number, most records. Answers: number, mark, mark before and text of each. */
export const RECORDS = `${NUMBER}
return list({}, redis.call('XRANGE', KEYS[1], ARGV[1] .. '-0', '+', 'COUNT', ARGV[2]))`;

/** KEYS: machines. ARGV: machine, beginning of its token. */
export const LEAVE = `
local listed = redis.call('HGET', KEYS[1], ARGV[1])
if not listed then return 0 end
local token = string.match(listed, ':(.*)$') or ''
if string.sub(token, 1, #ARGV[2]) ~= ARGV[2] then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[1])`;

/** KEYS: a page. ARGV: its bytes, milliseconds. Of two pages the one that was begun later stays, which bytes 8 to 15
 * say. Answers 1 when it is kept. */
export const PUT = `
local there = redis.call('GETRANGE', KEYS[1], 8, 15)
if there > string.sub(ARGV[1], 9, 16) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`;

/** KEYS: a page. ARGV: what it has to begin with to be removed. */
export const DROP = `
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then return 0 end
return redis.call('UNLINK', KEYS[1])`;

/** KEYS: a lock. ARGV: token, milliseconds. Answers "" when it is taken, or the token of its holder. */
export const LOCK = `
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return '' end
return redis.call('GET', KEYS[1])`;

/** KEYS: a lock. ARGV: token, milliseconds. */
export const RENEW = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0`;

/** KEYS: a lock. ARGV: token. */
export const UNLOCK = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('UNLINK', KEYS[1]) end
return 0`;

/** A script that may write where the memory of the server is used up: purges have to go in. Servers before Redis 7 know
 * no such flag. */
export function allowingOom(script: string): string {
  return `#!lua flags=allow-oom\n${script}`;
}

/** Runs scripts on a connection. The server remembers one that it has run, until it is restarted. */
export class Evaluator {
  readonly #connection: Connection;
  readonly #known = new Set<string>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async run(script: string, keys: readonly string[], args: readonly Word[]): Promise<unknown[]> {
    const [key = ""] = keys;
    const rest = [keys.length, ...keys, ...args];
    if (this.#known.has(script)) {
      try {
        return listOf(await this.#connection.call(["EVALSHA", digestOf(script), ...rest], key));
      } catch (error) {
        if (!/noscript/i.test(String(error))) throw error;
      }
    }
    const answer = await this.#connection.call(["EVAL", script, ...rest], key);
    this.#known.add(script);
    return listOf(answer);
  }
}

const digests = new Map<string, string>();

function digestOf(script: string): string {
  const known = digests.get(script);
  if (known !== undefined) return known;
  const digest = createHash("sha1").update(script).digest("hex");
  digests.set(script, digest);
  return digest;
}

function listOf(answer: unknown): unknown[] {
  return Array.isArray(answer) ? answer : [answer];
}
