/** Why a test is not passed: by design, or because nothing can pass it. A test that is not passed and not named here is
 * a fault. */

const SET_COOKIE =
  "A cookie that was set for one client is never given to another: a response with `Set-Cookie` is not stored, unless `relaxed.setCookie` says that its cookies are for everybody.";
const FRAGMENT =
  "Ranges are cut from complete stored responses. The application's own 206 is stored only where `relaxed.partial` asks for it: its `Content-Range` may not describe its body (here 6 bytes announced, 5 sent).";
const HEURISTIC =
  "A lifetime guessed from `Last-Modified` is an option (`heuristic`), because a rendered page changes without its date.";
const HUNG_UP =
  "Cannot be passed: the origin hangs up, and the test demands a response that carries the origin's own header. Later editions of the suite correct it.";
const AGE =
  "Takes a response for stale because its `Age` is a list, or no number. RFC 9111 §5.1 says otherwise, the first member counts and what is invalid is ignored, and later editions of the suite demand that.";

/** Reasons by test id. Where a configuration passes the test all the same, the reason is for the others. */
export const DECLINED: Readonly<Record<string, string>> = {
  "headers-store-Set-Cookie": SET_COOKIE,
  "other-set-cookie": SET_COOKIE,
  "304-etag-update-response-Set-Cookie": SET_COOKIE,
  "partial-store-partial-reuse-partial": FRAGMENT,
  "partial-store-partial-reuse-partial-byterange": FRAGMENT,
  "partial-store-partial-reuse-partial-absent": FRAGMENT,
  "partial-store-partial-reuse-partial-suffix": FRAGMENT,
  "partial-store-partial-complete": FRAGMENT,
  "age-parse-nonnumeric": AGE,
  "age-parse-negative": AGE,
  "age-parse-float": AGE,
  "age-parse-prefix-twoline": AGE,
  "age-parse-dup-0": AGE,
  "age-parse-dup-0-twoline": AGE,
  "age-parse-dup-old": AGE,
  "age-parse-parameter": AGE,
  "age-parse-numeric-parameter": AGE,
  "method-POST": "The answer to a POST is not taken for the page, unless `relaxed.postAnswersGet` says that it may be.",
  "vary-normalise-lang-select":
    "Which language suits `fr;q=0.5, de;q=1.0` is for the application to say, which knows what languages it has; the cache guesses only with `relaxed.guessLanguage`.",
  "conditional-lm-fresh-no-lm":
    "Asks for a 304 although the stored `Date`, which stands in for a missing `Last-Modified`, is later than `If-Modified-Since` (RFC 9111 §4.3.2, RFC 9110 §13.1.3).",
  "heuristic-200-cached": HEURISTIC,
  "heuristic-203-cached": HEURISTIC,
  "heuristic-204-cached": HEURISTIC,
  "heuristic-404-cached": HEURISTIC,
  "heuristic-405-cached": HEURISTIC,
  "heuristic-410-cached": HEURISTIC,
  "heuristic-414-cached": HEURISTIC,
  "heuristic-501-cached": HEURISTIC,
  "heuristic-599-cached": HEURISTIC,
  "304-etag-update-response-ETag":
    "A 304 whose strong `ETag` is not the stored one says nothing of what is stored, and updates nothing (RFC 9111 §4.3.4).",
  "stale-close-must-revalidate": HUNG_UP,
  "stale-close-proxy-revalidate": HUNG_UP,
  "stale-close-no-cache": HUNG_UP,
  "stale-close-s-maxage=2": HUNG_UP,
};
