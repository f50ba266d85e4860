//! Percentiles out of buckets: where in its bucket a value lies is not known, so that they lie on a straight line.
//!
//! Must not know messages.

/// Percentiles that are kept of every distribution, and the names of their fields.
pub(super) const PERCENTILES: [(&str, f64); 11] = [
    ("p001", 0.001),
    ("p01", 0.01),
    ("p05", 0.05),
    ("p10", 0.1),
    ("p25", 0.25),
    ("p50", 0.5),
    ("p75", 0.75),
    ("p90", 0.9),
    ("p95", 0.95),
    ("p99", 0.99),
    ("p999", 0.999),
];

/// Values between two bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bucket {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) count: u64,
}

/// The smallest and largest value of a distribution, where they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Range {
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
}

impl Range {
    fn clamp(self, value: f64) -> f64 {
        let value = self.min.map_or(value, |min| value.max(min));
        self.max.map_or(value, |max| value.min(max))
    }
}

/// Buckets between explicit bounds: one more count than bounds. What is open at an end ends at the extreme value, or where
/// that is not known at the bound itself (at 0 below a positive one).
pub(super) fn explicit(bounds: &[f64], counts: &[u64], range: Range) -> Vec<Bucket> {
    if counts.len() != bounds.len() + 1 {
        return Vec::new();
    }
    let first = bounds.first().copied();
    let lowest = range.min.or(first.map(|first| if first > 0.0 { 0.0 } else { first }));
    let highest = range.max.or(bounds.last().copied());
    // Without a bound all is in one bucket.
    let (Some(lowest), Some(highest)) = (lowest, highest) else { return Vec::new() };
    let lows = std::iter::once(lowest).chain(bounds.iter().copied());
    let highs = bounds.iter().copied().chain([highest]);
    lows.zip(highs).zip(counts).map(|((low, high), count)| Bucket { low, high: high.max(low), count: *count }).collect()
}

/// Buckets of an exponential histogram: `counts[i]` lies between base^(offset + i) and base^(offset + i + 1), where the
/// base is 2^(2^-scale); those of negative values mirrored.
pub(super) fn exponential(
    scale: i64,
    positive: (i64, &[u64]),
    zero: (f64, u64),
    negative: (i64, &[u64]),
) -> Vec<Bucket> {
    let step = (-(scale as f64)).exp2();
    let bound = |index: i64| (index as f64 * step).exp2();
    let each = |(offset, counts): (i64, &[u64])| -> Vec<(f64, f64, u64)> {
        let index = |at: usize| offset.saturating_add(at as i64);
        let filled = counts.iter().enumerate().filter(|(_, count)| **count > 0);
        filled.map(|(at, count)| (bound(index(at)), bound(index(at).saturating_add(1)), *count)).collect()
    };
    let below = each(negative).into_iter().rev().map(|(low, high, count)| Bucket { low: -high, high: -low, count });
    let (threshold, count) = zero;
    let middle = Bucket { low: -threshold, high: threshold, count };
    let above = each(positive).into_iter().map(|(low, high, count)| Bucket { low, high, count });
    below.chain([middle]).chain(above).collect()
}

/// The values below which these shares lie; nothing if there are no values.
pub(super) fn percentiles<'p>(buckets: &'p [Bucket], range: Range) -> impl Iterator<Item = (&'static str, f64)> + 'p {
    let total: f64 = buckets.iter().map(|bucket| bucket.count as f64).sum();
    let mut before = 0.0;
    let mut at = 0;
    PERCENTILES.iter().filter(move |_| total > 0.0).filter_map(move |(name, share)| {
        let rank = share * total;
        // Shares rise, so that no bucket need be looked at again.
        while at + 1 < buckets.len() && (buckets[at].count == 0 || before + (buckets[at].count as f64) < rank) {
            before += buckets[at].count as f64;
            at += 1;
        }
        let bucket = buckets.get(at)?;
        let within = if bucket.count == 0 { 1.0 } else { ((rank - before) / bucket.count as f64).clamp(0.0, 1.0) };
        let value = range.clamp(bucket.low + (bucket.high - bucket.low) * within);
        value.is_finite().then_some((*name, value))
    })
}

#[cfg(test)]
mod tests {
    use super::{Bucket, PERCENTILES, Range, explicit, exponential, percentiles};

    fn value(buckets: &[Bucket], range: Range, name: &str) -> Option<f64> {
        percentiles(buckets, range).find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    #[test]
    fn explicit_buckets_end_at_the_extremes() {
        let known = Range { min: Some(-5.0), max: Some(40.0) };
        let buckets = explicit(&[0.0, 10.0], &[1, 2, 1], known);
        let expected = [(-5.0, 0.0, 1), (0.0, 10.0, 2), (10.0, 40.0, 1)];
        assert_eq!(buckets, expected.map(|(low, high, count)| Bucket { low, high, count }));
        let unknown = explicit(&[5.0, 10.0], &[1, 2, 1], Range::default());
        let expected = [(0.0, 5.0, 1), (5.0, 10.0, 2), (10.0, 10.0, 1)];
        assert_eq!(unknown, expected.map(|(low, high, count)| Bucket { low, high, count }));
        assert_eq!(explicit(&[-5.0], &[1, 0], Range::default())[0], Bucket { low: -5.0, high: -5.0, count: 1 });
        assert_eq!(explicit(&[1.0], &[1], Range::default()), []);
        assert_eq!(explicit(&[], &[7], Range::default()), []);
        assert_eq!(explicit(&[], &[7], known), [Bucket { low: -5.0, high: 40.0, count: 7 }]);
    }

    #[test]
    fn values_lie_evenly_in_their_bucket() {
        let buckets = explicit(&[0.0, 100.0], &[0, 100, 0], Range::default());
        for (name, share) in PERCENTILES {
            let found = value(&buckets, Range::default(), name).unwrap();
            assert!((found - share * 100.0).abs() < 1e-9, "{name}: {found}");
        }
        let narrow = Range { min: Some(20.0), max: Some(80.0) };
        assert_eq!((value(&buckets, narrow, "p01"), value(&buckets, narrow, "p99")), (Some(20.0), Some(80.0)));
        let apart = explicit(&[0.0, 1.0, 9.0, 10.0], &[0, 5, 0, 5, 0], Range::default());
        assert_eq!(value(&apart, Range::default(), "p50"), Some(1.0));
        assert!((value(&apart, Range::default(), "p90").unwrap() - 9.8).abs() < 1e-9);
    }

    #[test]
    fn exponential_buckets_grow_by_their_base() {
        let buckets = exponential(0, (0, &[1, 0, 3]), (0.5, 2), (1, &[4, 1]));
        let expected = [(-8.0, -4.0, 1), (-4.0, -2.0, 4), (-0.5, 0.5, 2), (1.0, 2.0, 1), (4.0, 8.0, 3)];
        assert_eq!(buckets, expected.map(|(low, high, count)| Bucket { low, high, count }));
        let fine = exponential(1, (0, &[1, 1]), (0.0, 0), (0, &[]));
        assert!((fine[1].high - 2_f64.sqrt()).abs() < 1e-12 && (fine[2].high - 2.0).abs() < 1e-12, "{fine:?}");
    }

    #[test]
    fn nothing_and_nonsense_have_no_percentiles() {
        assert_eq!(percentiles(&[], Range::default()).count(), 0);
        let empty = explicit(&[1.0], &[0, 0], Range::default());
        assert_eq!(percentiles(&empty, Range::default()).count(), 0);
        for scale in [i64::MIN, -2_147_483_648, 2_147_483_647, i64::MAX] {
            let buckets = exponential(scale, (i64::MAX, &[1, 1]), (f64::NAN, 1), (i64::MIN, &[u64::MAX, u64::MAX]));
            assert!(percentiles(&buckets, Range::default()).all(|(_, value)| value.is_finite()), "{scale}");
        }
        let odd = explicit(&[f64::NAN, f64::INFINITY], &[1, u64::MAX, 1], Range::default());
        assert!(percentiles(&odd, Range::default()).all(|(_, value)| value.is_finite()));
    }
}
