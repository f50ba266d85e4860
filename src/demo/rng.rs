//! Chance without state: every number is a hash of a key and a counter, so that any second of the shop's life
//! can be made again on its own. Must not know: the shop, time, bytes.

/// SplitMix64's finaliser: each input bit changes about half of the output bits.
pub(super) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// One key made of several parts, where order matters.
pub(super) fn key(parts: &[u64]) -> u64 {
    parts.iter().fold(0, |key, part| mix(key ^ mix(*part)))
}

/// A stream of numbers that only depends on its key.
#[derive(Debug, Clone)]
pub(super) struct Dice {
    key: u64,
    thrown: u64,
}

impl Dice {
    pub(super) fn new(key: u64) -> Self {
        Self { key, thrown: 0 }
    }

    pub(super) fn bits(&mut self) -> u64 {
        self.thrown += 1;
        mix(self.key ^ self.thrown.wrapping_mul(0xD605_0B4A_9C2F_5E11))
    }

    /// In [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// In 0..n; 0 for an empty range.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        ((self.unit() * n as f64) as u64).min(n.saturating_sub(1))
    }

    /// In 0..n with a heavy head: each decade gets the same share.
    pub(super) fn heavy(&mut self, n: u64) -> u64 {
        ((n as f64).powf(self.unit()) as u64).saturating_sub(1)
    }

    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (self.unit() + 1e-12).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Log-normal around a median, its width in decades, cut at three widths.
    pub(super) fn around(&mut self, median: f64, decades: f64) -> f64 {
        median * 10_f64.powf(decades * self.normal().clamp(-3.0, 3.0))
    }

    /// One of weighted choices; the weights need not sum to 1.
    pub(super) fn weighed<T: Copy>(&mut self, all: &[(T, f64)]) -> Option<T> {
        let sum: f64 = all.iter().map(|(_, weight)| weight).sum();
        let mut left = self.unit() * sum;
        let found = all.iter().find(|(_, weight)| {
            left -= weight;
            left < 0.0
        });
        found.or(all.last()).map(|(choice, _)| *choice)
    }
}
