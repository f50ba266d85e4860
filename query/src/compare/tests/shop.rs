//! Wide events of a made-up shop: services, regions, builds, ids, mirrors, sparse fields, numbers, noise. Seeded.

use super::bed::{Event, SECONDS};

/// Random numbers from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(7_919).wrapping_add(13))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Below `end`, the low ones far more often.
    pub(crate) fn heavy(&mut self, end: u64) -> u64 {
        (end as f64).powf(self.unit()) as u64 - 1
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (self.unit() + 1e-12).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    fn log_normal(&mut self, median: f64, width: f64) -> f64 {
        (median * (width * self.normal()).exp() * 1_000.0).round() / 1_000.0
    }
}

/// Noise fields beside the named ones.
const NOISE: u64 = 20;

/// The number `at` of a stream of events.
pub(crate) fn event(random: &mut Random, at: u64) -> Event {
    let mut event = Event::new((at as i64 * 7) % SECONDS);
    let r = random;
    let region = r.below(5);
    event.set("service", format!("s{}", r.heavy(12)));
    event.set("region", format!("r{region}"));
    event.set("region_name", format!("Region {region}"));
    event.set("az", format!("r{region}-{}", r.below(3)));
    let build = r.heavy(40);
    event.set("build", format!("b{build}"));
    event.set("version", 1_000 + build as i64);
    event.set("endpoint", format!("/e{}", r.heavy(90)));
    event.set("tier", format!("t{}", r.heavy(3)));
    event.set("platform", format!("p{}", r.below(4)));
    event.set("cdn", format!("c{}", r.below(8)));
    event.set("flag", r.chance(0.3));
    event.set("user", format!("u{}", r.heavy(20_000)));
    event.set("session", format!("se{}", at / 10));
    event.set("trace", format!("{:x}", (at / 7).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    event.set("id", format!("{:x}", r.next()));
    event.set("bytes", r.log_normal(3_000.0, 1.5).round());
    event.set("cpu_ms", r.log_normal(2.0, 0.9));
    event.set("size", r.below(100_000) as i64);
    event.set("retries", r.heavy(5) as i64);
    for noise in 0..NOISE {
        if r.chance([1.0, 0.6, 0.1, 0.02, 0.3][(noise % 5) as usize]) {
            let name = format!("x{noise:02}");
            match noise % 4 {
                0 => event.set(&name, format!("v{}", r.heavy(1_000))),
                1 => event.set(&name, r.log_normal(1.0, 1.0)),
                2 => event.set(&name, r.chance(0.3)),
                _ => event.set(&name, format!("w{}", r.below(10))),
            }
        }
    }
    event
}

/// How often chance is tried, and whether cases are as large as written.
pub(crate) const REPETITIONS: &str = "OUTCROP_COMPARE_REPETITIONS";

/// The events of a case: half of them unless there is time.
pub(crate) fn sized(count: u64) -> u64 {
    if std::env::var_os(REPETITIONS).is_some() { count } else { count / 2 }
}

/// So many events, each with `error` by the probability that `cause` gives it.
pub(crate) fn events(seed: u64, count: u64, cause: impl Fn(&Event) -> f64) -> Vec<Event> {
    let mut random = Random::new(seed);
    (0..count)
        .map(|at| {
            let event = event(&mut random, at);
            let error = random.chance(cause(&event));
            event.with("error", error)
        })
        .collect()
}
