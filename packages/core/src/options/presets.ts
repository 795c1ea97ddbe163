/** Values to spread into the options: what most sites ignore, and where most applications begin. Plain and frozen; the
 * cache does nothing with them by itself, because only the operator knows what handlers read. */
import type { DiskCacheOptions } from "./options.js";

/** Query parameters by which campaigns, advertisements and newsletters mark links, and which no page is usually made
 * from. A page that prints one of them, or reads it on the server, has to leave it in the key.
 * @example diskCache({ dir: ".cache/pages", key: { query: { ignore: [...campaignParameters, "ref"] } } }); */
export const campaignParameters: readonly string[] = Object.freeze([
  "utm_*",
  // Google
  "gclid",
  "gclsrc",
  "dclid",
  "gbraid",
  "wbraid",
  "gad_source",
  "gad_campaignid",
  "srsltid",
  "_gl",
  // Meta, Microsoft, X, TikTok, LinkedIn, Pinterest, Reddit, Snapchat, Yandex
  "fbclid",
  "igshid",
  "msclkid",
  "twclid",
  "ttclid",
  "li_fat_id",
  "epik",
  "rdt_cid",
  "ScCid",
  "yclid",
  "ysclid",
  // Matomo
  "mtm_*",
  "pk_*",
  "piwik_*",
  // Mailchimp, HubSpot, Marketo, Klaviyo, Vero, Omeda, Adobe
  "mc_cid",
  "mc_eid",
  "_hsenc",
  "_hsmi",
  "hsCtaTracking",
  "mkt_tok",
  "_kx",
  "vero_id",
  "vero_conv",
  "oly_anon_id",
  "oly_enc_id",
  "s_kwcid",
  "ef_id",
]);

/** Cookies that scripts of analytics and advertisements set and read in the browser, and no handler does. Not those of
 * consent, of sessions and of experiments: pages may be made from them.
 * @example diskCache({ dir: ".cache/pages", ttl: "5m", cookies: { ignore: [...analyticsCookies, "seen_banner"] } }); */
export const analyticsCookies: readonly string[] = Object.freeze([
  // Google
  "_ga",
  "_ga_*",
  "_gid",
  "_gat*",
  "_gac_*",
  "_gcl_*",
  "_dc_gtm_*",
  "__utm*",
  "__gads",
  "__gpi",
  "__eoi",
  // Meta, Microsoft, TikTok, Pinterest, Reddit, Snapchat
  "_fbp",
  "_fbc",
  "_clck",
  "_clsk",
  "_uetsid",
  "_uetvid",
  "_ttp",
  "_tt_enable_cookie",
  "_pin_unauth",
  "_rdt_uuid",
  "_scid*",
  // Matomo, Hotjar, HubSpot, Yandex
  "_pk_*",
  "_hj*",
  "__hstc",
  "__hssc",
  "__hssrc",
  "hubspotutk",
  "_ym_*",
]);

/** Where most applications begin: spread one, and say the rest beside it.
 * @example diskCache({ dir: ".cache/pages", ...presets.website, ttl: "10m" }); */
export const presets = Object.freeze({
  /** Pages for people: a minute fresh, for a day of use while they are made again and when that fails; campaign
   * parameters and analytics cookies make no difference. */
  website: Object.freeze({
    ttl: "1m",
    stale: "1d",
    statusTtl: Object.freeze({ 404: "10s" }),
    key: Object.freeze({ query: Object.freeze({ ignore: campaignParameters }) }),
    cookies: Object.freeze({ ignore: analyticsCookies }),
  }),
  /** Answers for programs: ten seconds fresh, in the place of an error for an hour; the order of parameters makes no
   * difference. */
  api: Object.freeze({
    ttl: "10s",
    staleIfError: "1h",
    key: Object.freeze({ query: Object.freeze({ sort: true }) }),
  }),
}) satisfies Readonly<Record<string, Partial<DiskCacheOptions>>>;
