//! What a unit of work of 30 fields costs the thread that does it.
//!
//!     cargo run --release -p outcrop-sdk --example finish [-- --check]      --check: 1 if it costs more than it may
//!
//! Nobody listens: what is measured is the thread that works, while the other one tries to send.

use std::time::{Duration, Instant};

use outcrop::{Settings, intent, note};

const UNITS: usize = 20_000;
const FIELD_MICROSECONDS_MAX: f64 = 1.0;
const FINISH_MICROSECONDS_MAX: f64 = 3.0;

fn main() -> Result<(), outcrop::InitError> {
    let mut settings = Settings::new("bench");
    settings.url = "http://127.0.0.1:9".to_owned();
    settings.queue_bytes_max = 1 << 30;
    outcrop::init_with(settings)?;
    let (mut begins, mut fields, mut finishes) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..UNITS {
        let before = Instant::now();
        let (began, noted) = measure(n);
        finishes.push(noted.elapsed());
        begins.push(began - before);
        fields.push((noted - began) / 30);
    }
    let mut is_right = true;
    for (what, mut times, most) in [
        ("begin", begins, f64::MAX),
        ("add a field", fields, FIELD_MICROSECONDS_MAX),
        ("finish of a unit of 30", finishes, FINISH_MICROSECONDS_MAX),
    ] {
        times.sort();
        is_right &= micros(times[UNITS / 2]) <= most;
        println!(
            "{what:<24} p50 {:>8.3} µs   p99 {:>8.3} µs",
            micros(times[UNITS / 2]),
            micros(times[UNITS * 99 / 100])
        );
    }
    outcrop::shutdown(Duration::ZERO);
    if std::env::args().any(|argument| argument == "--check") && !is_right {
        std::process::exit(1);
    }
    Ok(())
}

fn micros(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1_000.0
}

/// When the 30 fields were begun and when they were all there.
#[intent("Measure", within = "2 s")]
fn measure(n: usize) -> (Instant, Instant) {
    let began = Instant::now();
    thirty(n);
    (began, Instant::now())
}

fn thirty(n: usize) {
    note!(a.b0 = n, a.b1 = 1.5, a.b2 = true, a.b3 = "text of some length", a.b4 = n, a.b5 = 2.5);
    note!(b.b0 = n, b.b1 = 1.5, b.b2 = true, b.b3 = "text of some length", b.b4 = n, b.b5 = 2.5);
    note!(c.b0 = n, c.b1 = 1.5, c.b2 = true, c.b3 = "text of some length", c.b4 = n, c.b5 = 2.5);
    note!(d.b0 = n, d.b1 = 1.5, d.b2 = true, d.b3 = "text of some length", d.b4 = n, d.b5 = 2.5);
    note!(e.b0 = n, e.b1 = 1.5, e.b2 = true, e.b3 = "text of some length", e.b4 = n, e.b5 = 2.5);
}
