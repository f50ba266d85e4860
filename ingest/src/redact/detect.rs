//! Finds in texts what has a well-known shape. It must not know columns.

use std::net::IpAddr;
use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use regex::{Regex, bytes};

use super::card;
use super::hash::Hasher;
use super::rules::{Action, Detector, Sought};

/// Credentials by what their issuers begin them with. Each alternative begins with a literal, so that texts without any
/// are told by a search for those.
const TOKENS: &str = concat!(
    r"(?:AKIA|ASIA)[0-9A-Z]{16}",
    r"|gh[pousr]_[A-Za-z0-9]{36,251}",
    r"|github_pat_[A-Za-z0-9_]{22,255}",
    r"|glpat-[A-Za-z0-9_-]{20,}",
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,}",
    r"|xapp-[0-9]-[A-Za-z0-9-]{10,}",
    r"|hooks\.slack\.com/services/[A-Za-z0-9/]{20,}",
    r"|sk_live_[A-Za-z0-9]{16,}|sk_test_[A-Za-z0-9]{16,}|rk_live_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{16,}",
    r"|AIza[0-9A-Za-z_-]{35}",
    r"|ya29\.[0-9A-Za-z_-]{20,}",
    r"|eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    r"|npm_[A-Za-z0-9]{36}",
    r"|pypi-[A-Za-z0-9_-]{50,}",
    r"|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    r"|sk-[A-Za-z0-9_-]{32,}",
    r"|dop_v1_[0-9a-f]{64}",
    r"|hvs\.[A-Za-z0-9_-]{24,}",
    r"|hc[abi]ik_[a-z0-9]{40,}",
    r"|outcrop_[A-Za-z0-9_-]{32,}",
    r"|[Bb]earer [A-Za-z0-9._~+/=-]{16,}",
    r"|[Bb]asic [A-Za-z0-9+/]{16,}={0,2}",
);
/// To its end, or to the end of a text that was cut.
const PRIVATE_KEY: &str = r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?s:.)*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\z)";
const EMAIL: &str =
    r"[A-Za-z0-9._%+'-]{1,64}(?:@|%40)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}";
const IP: &str =
    r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}|(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|(?:[0-9]{1,3}\.){3}[0-9]{1,3}|:)";

/// What finds each kind.
#[derive(Debug)]
pub(super) struct Detectors {
    token: Regex,
    /// The same over bytes of many texts.
    token_in_bytes: bytes::Regex,
    private_key: Regex,
    email: Regex,
    ip: Regex,
}

/// A text anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rewritten {
    /// None: nothing is left of it.
    pub(super) text: Option<String>,
    pub(super) found: Vec<Detector>,
}

/// They are the same for everybody.
pub(super) static DETECTORS: LazyLock<Detectors> = LazyLock::new(Detectors::new);

static PRIVATE_KEY_BEGINS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("PRIVATE KEY"));

impl Detectors {
    fn new() -> Detectors {
        #[allow(clippy::unwrap_used, reason = "constants, compiled by the tests too")]
        let regex = |pattern: &str| Regex::new(pattern).unwrap();
        #[allow(clippy::unwrap_used, reason = "as above")]
        let token_in_bytes = bytes::Regex::new(&format!("(?-u){TOKENS}")).unwrap();
        Detectors {
            token: regex(TOKENS),
            token_in_bytes,
            private_key: regex(PRIVATE_KEY),
            email: regex(EMAIL),
            ip: regex(IP),
        }
    }

    /// Whether anything sought may be among the bytes of many texts. No tells that it is not.
    pub(super) fn may_hold(&self, bytes: &[u8], sought: &Sought) -> bool {
        let seeks = |detector| sought.action(detector) != Action::Keep;
        (seeks(Detector::Card) && card::may_hold(bytes))
            || (seeks(Detector::Token) && self.token_in_bytes.is_match(bytes))
            || (seeks(Detector::PrivateKey) && PRIVATE_KEY_BEGINS.find(bytes).is_some())
            || (seeks(Detector::Email)
                && (memchr::memchr(b'@', bytes).is_some() || memchr::memmem::find(bytes, b"%40").is_some()))
            || (seeks(Detector::Ip) && memchr::memchr2(b'.', b':', bytes).is_some())
    }

    /// The text without what is sought; none if there is nothing of it in there.
    pub(super) fn rewrite(&self, text: &str, sought: &Sought, hasher: Option<&Hasher>) -> Option<Rewritten> {
        let mut places: Vec<(Range<usize>, Detector, Action)> = Vec::new();
        for detector in Detector::ALL {
            let action = sought.action(detector);
            if action == Action::Keep {
                continue;
            }
            for place in self.find(detector, text) {
                // What was found first is the larger thing.
                if places.iter().all(|(other, ..)| place.end <= other.start || other.end <= place.start) {
                    places.push((place, detector, action));
                }
            }
        }
        if places.is_empty() {
            return None;
        }
        places.sort_by_key(|(place, ..)| place.start);
        let mut found: Vec<Detector> = places.iter().map(|(_, detector, _)| *detector).collect();
        found.sort();
        found.dedup();
        if places.iter().any(|(.., action)| *action == Action::Drop) {
            return Some(Rewritten { text: None, found });
        }
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for (place, detector, action) in places {
            out.push_str(&text[at..place.start]);
            match hasher.filter(|_| action == Action::Hash) {
                Some(hasher) => out.push_str(&hasher.hash(&text[place.clone()])),
                None => out.push_str(detector.mask()),
            }
            at = place.end;
        }
        out.push_str(&text[at..]);
        Some(Rewritten { text: Some(out), found })
    }

    fn find(&self, detector: Detector, text: &str) -> Vec<Range<usize>> {
        let all = |regex: &Regex| regex.find_iter(text).map(|found| found.range()).collect();
        match detector {
            Detector::PrivateKey => all(&self.private_key),
            Detector::Token => {
                all(&self.token).into_iter().filter(|place: &Range<usize>| begins(text, place)).collect()
            }
            Detector::Card => card::find(text),
            Detector::Email => all(&self.email),
            Detector::Ip => {
                let is_address =
                    |place: &Range<usize>| begins(text, place) && text[place.clone()].parse::<IpAddr>().is_ok();
                all(&self.ip).into_iter().filter(is_address).collect()
            }
        }
    }
}

/// Whether it is not the end of a longer word.
fn begins(text: &str, place: &Range<usize>) -> bool {
    !text[..place.start].ends_with(|c: char| c.is_alphanumeric())
}
