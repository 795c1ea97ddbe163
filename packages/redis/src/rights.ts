/** What the user under which machines talk to the server has to be allowed to do, and nothing beyond that. */

/** Commands that are sent, and those that scripts of this package call. */
const SENT = "eval evalsha xread info wait get pttl set exists".split(" ");
const OF_SCRIPTS = "xadd xrange xrevrange hget hgetall hset hsetnx hdel hlen getrange unlink pexpire".split(" ");

/** The rights of a user of the server, in the words of `ACL SETUSER`. Clients of a cluster need `+cluster|slots` and
 * `+cluster|info` as well, and those of Sentinel rights on Sentinel's own servers.
 * @param name the option `name` of `redisTier`
 * @example
 * await admin.call("ACL", "SETUSER", "diskcache", "on", `>${password}`, ...redisRights("shop")); */
export function redisRights(name: string): string[] {
  return [
    `~diskcache:{${name}}:*`,
    `~diskcache:${name}:*`,
    "-@all",
    ...[...SENT, ...OF_SCRIPTS].map((command) => `+${command}`),
  ];
}
