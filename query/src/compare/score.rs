//! How much a condition tells, and how surely: the formulas of `docs/compare.md`, on numbers alone.
//!
//! Everything is weighted. A [`Mass`] carries the sum of weights and the sum of their squares, from which follows how
//! many unit events the weights are worth (Kish). Square roots and arcsines make the noise the same size for rare and
//! common values, so that chance is one closed formula.

#[cfg(test)]
mod tests;

/// The weight of some events and what it is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Mass {
    pub(crate) weight: f64,
    /// The variance of `weight`: the sum of squared weights, or of the weights where those are plainly counts.
    pub(crate) squares: f64,
    /// Events that were really seen.
    pub(crate) seen: f64,
}

impl Mass {
    pub(crate) fn add(&mut self, other: Mass) {
        self.weight += other.weight;
        self.squares += other.squares;
        self.seen += other.seen;
    }

    pub(crate) fn minus(self, other: Mass) -> Mass {
        Mass {
            weight: (self.weight - other.weight).max(0.0),
            squares: (self.squares - other.squares).max(0.0),
            seen: (self.seen - other.seen).max(0.0),
        }
    }

    pub(crate) fn times(self, factor: f64) -> Mass {
        Mass { weight: self.weight * factor, squares: self.squares * factor * factor, seen: self.seen }
    }

    /// The weight of an average event.
    pub(crate) fn unit(&self) -> f64 {
        if self.weight > 0.0 { self.squares / self.weight } else { 1.0 }
    }

    /// How many unit events this is worth.
    pub(crate) fn effective(&self) -> f64 {
        if self.squares > 0.0 { self.weight * self.weight / self.squares } else { 0.0 }
    }
}

/// A score in [0, 1] and how many standard deviations from chance it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) score: f64,
    pub(crate) z: f64,
}

/// The share of `part` in `whole`.
pub(crate) fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 0.0 }
}

/// How many times as much `a` is; 1 where there is nothing to compare with.
pub(crate) fn ratio(a: f64, b: f64) -> f64 {
    if b > 0.0 { a / b } else { 1.0 }
}

/// Squared Hellinger distance of "c or not c" between shares p and q; 0 unless p is the larger.
pub(crate) fn hellinger_share(p: f64, q: f64) -> f64 {
    if p <= q { 0.0 } else { (1.0 - (p * q).sqrt() - ((1.0 - p) * (1.0 - q)).sqrt()).clamp(0.0, 1.0) }
}

/// Its one-cell form: weight a where e was expected, out of a selection of weight s.
pub(crate) fn hellinger_count(a: f64, e: f64, s: f64) -> f64 {
    if a <= e || s <= 0.0 { 0.0 } else { ((a.sqrt() - e.sqrt()).powi(2) / s).clamp(0.0, 1.0) }
}

/// The standard score of p over q by the arcsine transformation, for sides worth this many events.
pub(crate) fn arcsine_z(p: f64, q: f64, events_p: f64, events_q: f64) -> f64 {
    if events_p <= 0.0 || events_q <= 0.0 {
        return 0.0;
    }
    2.0 * (p.sqrt().asin() - q.sqrt().asin()) / (1.0 / events_p + 1.0 / events_q).sqrt()
}

/// The standard score of p over q by the pooled share.
pub(crate) fn pooled_z(p: f64, q: f64, events_p: f64, events_q: f64) -> f64 {
    if events_p <= 0.0 || events_q <= 0.0 {
        return 0.0;
    }
    let pooled = (p * events_p + q * events_q) / (events_p + events_q);
    let deviation = (pooled * (1.0 - pooled) * (1.0 / events_p + 1.0 / events_q)).sqrt();
    if deviation > 0.0 { (p - q) / deviation } else { 0.0 }
}

/// Share question: weight a of a selection S against weight b of a baseline B.
pub(crate) fn judge_share(a: Mass, selection: Mass, b: Mass, baseline: Mass) -> Verdict {
    let (p, q) = (share(a.weight, selection.weight), share(b.weight, baseline.weight));
    let (events_s, events_b) = (selection.effective(), baseline.effective());
    Verdict {
        score: hellinger_share(p, q),
        z: arcsine_z(p, q, events_s, events_b).min(pooled_z(p, q, events_s, events_b)),
    }
}

/// What was expected of a condition, how uncertain that is, and what one average baseline event would add to it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Expected {
    pub(crate) weight: f64,
    pub(crate) variance: f64,
    pub(crate) floor: f64,
}

/// Rate or count question: weight a where so much was expected, out of a selection of weight s.
pub(crate) fn judge_count(a: Mass, expected: Expected, s: f64) -> Verdict {
    let unit = if expected.weight > 0.0 { expected.variance / expected.weight } else { expected.floor };
    let root = (expected.weight + expected.floor / 4.0).sqrt();
    let rooted = 2.0 * (a.weight.sqrt() - root) / (a.unit() + unit).sqrt();
    let variance = unit * a.weight + a.unit() * expected.weight;
    let pooled = if variance > 0.0 { (a.weight - expected.weight) / variance.sqrt() } else { 0.0 };
    Verdict { score: hellinger_count(a.weight, expected.weight, s), z: rooted.min(pooled) }
}

/// The z that chance reaches once in some twenty questions of so many comparisons.
pub(crate) fn threshold(comparisons: f64) -> f64 {
    (2.0 * (20.0 * comparisons.max(1.0)).ln()).sqrt()
}

/// What |p - q| of one value is expected to be by chance, when both sides draw from the same events.
///
/// The value has t events on both sides together (worth n_s and n_b), each on the selection's side with probability
/// n_s / (n_s + n_b): E|x/n_s - (t-x)/n_b|, exactly by de Moivre's formula for few events, else by the normal form.
pub(crate) fn chance_difference(p: f64, q: f64, n_s: f64, n_b: f64) -> f64 {
    if n_s <= 0.0 || n_b <= 0.0 {
        return 0.0;
    }
    let t = p * n_s + q * n_b;
    let pi = n_s / (n_s + n_b);
    let absolute = if t < 50.0 {
        mean_absolute_deviation(t.round(), pi)
    } else {
        (2.0 * t * pi * (1.0 - pi) / std::f64::consts::PI).sqrt()
    };
    absolute * (n_s + n_b) / (n_s * n_b)
}

/// E|x - t pi| of a binomial x, de Moivre 1730: 2 m C(t, m) pi^m (1-pi)^(t-m+1), m = floor(t pi) + 1.
fn mean_absolute_deviation(t: f64, pi: f64) -> f64 {
    let m = (t * pi).floor() + 1.0;
    if t < 1.0 || m > t {
        return 0.0;
    }
    let mut choose = 1.0;
    let mut at = 1.0;
    while at <= m {
        choose *= (t - m + at) / at;
        at += 1.0;
    }
    2.0 * m * choose * pi.powf(m) * (1.0 - pi).powf(t - m + 1.0)
}

/// The logarithm of how much more there is than expected, with its variance. Half an event is added to either side.
pub(crate) fn log_lift(a: Mass, expected: Expected) -> (f64, f64) {
    let (unit_a, floor) = (a.unit(), expected.floor.max(f64::MIN_POSITIVE));
    let observed = a.weight + unit_a / 2.0;
    let foreseen = expected.weight + floor / 2.0;
    let variance = unit_a / observed + (expected.variance + floor * floor / 2.0) / (foreseen * foreseen);
    ((observed / foreseen).ln(), variance)
}
