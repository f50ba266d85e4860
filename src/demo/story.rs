//! What happens when: the load, the rollouts, the flag, and how slow it gets. All numbers of the incident stand here.
//! Must not know: spans, fields, bytes.
//!
//! Minutes count from the moment the flag goes on. Two hours around it look as the console's pictures do:
//! payments 2.19.0 at -65, `b-0037` in us-east-1 at -42, in eu-west-1 at -8, `new_checkout` on at 0.

use super::rng::Dice;
use super::world::{B33, B34, B35, B35_HOT, B36, B37, Build, PAYMENTS_NEW, PAYMENTS_OLD, Region};

const PAYMENTS_AT: f64 = -65.0;
const US_AT: f64 = -42.0;
const EU_AT: f64 = -8.0;
/// A rollout takes so many minutes to reach its share.
const ROLLOUT: f64 = 4.0;
const FLAG_RAMP: f64 = 9.0;
const EU_SHARE: f64 = 0.738;
const US_SHARE: f64 = 0.394;
/// The flag is for all in eu-west-1, whatever the build; elsewhere for some.
const FLAG_ELSEWHERE: f64 = 0.3;
/// Of the checkouts that the flag makes look up tax item by item, so many have enough product classes to be slow: no
/// event says how many of those a cart has, so that nothing but the three that must come together tells which will be.
const SLOW_SHARE: f64 = 0.294;
const MIDDLING_SHARE: f64 = 0.045;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Checkout,
    Quote,
    Search,
    CartGet,
    CartAdd,
    Health,
}

/// Traces a second of each kind. 13.36 is what gives 97,696 checkouts in two hours under the load of the incident.
pub(super) const RATES: [(Kind, f64); 6] = [
    (Kind::Checkout, 13.36),
    (Kind::Quote, 2.6),
    (Kind::Search, 10.0),
    (Kind::CartGet, 8.5),
    (Kind::CartAdd, 3.2),
    (Kind::Health, 2.0),
];

/// Why a checkout takes as long as it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    Usual,
    /// Tax is looked up once for each of so many product classes.
    ItemByItem(u32),
    /// The payment provider was silent, and was asked again so often.
    Retried(u32, RetryEnd),
    /// Slow for no reason anybody will find.
    Unlucky,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RetryEnd {
    Quick,
    Slow,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Story {
    flag_on_ns: i64,
}

impl Story {
    pub(super) fn new(flag_on_ns: i64) -> Self {
        Self { flag_on_ns }
    }

    fn minutes(self, ns: i64) -> f64 {
        ns.saturating_sub(self.flag_on_ns) as f64 / 60e9
    }

    /// How busy it is, 1 on average around the incident: a swing of hours on top of day and night.
    pub(super) fn load(self, ns: i64) -> f64 {
        let daily = |ns: i64| 1.0 + 0.35 * (ns as f64 / 86_400e9 * std::f64::consts::TAU - 2.4).sin();
        let swing = 1.0 + 0.08 * (self.minutes(ns) / 17.0 + 1.0).sin();
        swing * daily(ns) / daily(self.flag_on_ns)
    }

    pub(super) fn build(self, region: Region, ns: i64, dice: &mut Dice) -> Option<Build> {
        let minutes = self.minutes(ns);
        let at = dice.unit();
        match region {
            Region::ApSouth => Some(B36),
            Region::Qatar => Some(B34),
            Region::EuWest if at < 0.0405 => Some(B35),
            Region::EuWest if at < 0.0501 => Some(B33),
            Region::EuWest => Some(new_or_old(minutes - EU_AT, EU_SHARE, 1.0 - at)),
            Region::UsEast if at < 0.0197 => None,
            Region::UsEast if at < 0.0311 => Some(B35_HOT),
            Region::UsEast if at < 0.1733 => Some(B35),
            Region::UsEast => Some(new_or_old(minutes - US_AT, US_SHARE, 1.0 - at)),
        }
    }

    pub(super) fn payments_build(self, ns: i64) -> Build {
        if self.minutes(ns) < PAYMENTS_AT { PAYMENTS_OLD } else { PAYMENTS_NEW }
    }

    pub(super) fn flag(self, region: Region, ns: i64, dice: &mut Dice) -> bool {
        let ramp = (self.minutes(ns) / FLAG_RAMP).clamp(0.0, 1.0);
        let at = dice.unit();
        let begun = self.minutes(ns) >= 0.0;
        if region == Region::EuWest { begun && at < ramp } else { begun && at < FLAG_ELSEWHERE }
    }

    /// How one checkout goes.
    pub(super) fn pace(self, region: Region, build: Option<Build>, flag: bool, dice: &mut Dice) -> Pace {
        let at = dice.unit();
        if flag && planted(region, build) && at < SLOW_SHARE {
            return Pace::ItemByItem(dice.around(14.0, 0.08).round().clamp(10.0, 19.0) as u32);
        }
        if flag && planted(region, build) && at < SLOW_SHARE + MIDDLING_SHARE {
            return Pace::ItemByItem(4 + dice.below(5) as u32);
        }
        match dice.unit() {
            luck if luck < 0.0011 => Pace::Retried(3 + dice.below(2) as u32, RetryEnd::Slow),
            luck if luck < 0.0043 => Pace::Retried(3, RetryEnd::Quick),
            luck if luck < 0.0160 => Pace::Retried(1, RetryEnd::Quick),
            luck if luck < 0.0163 => Pace::Unlucky,
            _ => Pace::Usual,
        }
    }
}

/// Where the flag makes checkouts slow: all three must come together, the flag is the third.
pub(super) fn planted(region: Region, build: Option<Build>) -> bool {
    region == Region::EuWest && build == Some(B37)
}

fn new_or_old(minutes_since: f64, share: f64, at: f64) -> Build {
    if at < share * (minutes_since / ROLLOUT).clamp(0.0, 1.0) { B37 } else { B36 }
}

/// How long a checkout takes when nothing is wrong: served from a cache, worked out, or worked out with a stumble.
pub(super) fn usual_ms(dice: &mut Dice) -> f64 {
    match dice.unit() {
        at if at < 0.20 => dice.around(21.0, 0.15),
        at if at < 0.955 => dice.around(145.0, 0.16),
        _ => dice.around(308.0, 0.12),
    }
}
