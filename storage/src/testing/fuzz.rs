//! Mutation without coverage: bytes that were right, changed a little or a lot, round after round under one seed.
//!
//! `OUTCROP_FUZZ_ROUNDS` says how many rounds each target gets (few if it is not set; `make prove` sets many), and
//! `OUTCROP_FUZZ_SEED` repeats a run. It must not know what the bytes mean.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

const ROUNDS_DEFAULT: u64 = 400;
/// The rounds of an ordinary test run are always the same ones.
const SEED_DEFAULT: u64 = 20_261_101;
/// Bytes of a failing input that are shown.
const SHOWN_BYTES_MAX: usize = 4_096;
/// Numbers at which lengths and counts go wrong.
const NUMBERS: [u64; 12] =
    [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, i64::MAX as u64, u64::MAX];

/// Random numbers from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number: {text:?}")))
}

/// Calls `check` with changed members of the corpus. `tokens` are bytes that mean something in this language. Whatever
/// `check` panics with is shown with the bytes that made it.
pub(crate) fn fuzz(corpus: &[Vec<u8>], tokens: &[&[u8]], check: impl Fn(&[u8])) {
    let seed = from_environment("OUTCROP_FUZZ_SEED").unwrap_or(SEED_DEFAULT);
    for round in 0..from_environment("OUTCROP_FUZZ_ROUNDS").unwrap_or(ROUNDS_DEFAULT) {
        let mut random = Random(seed ^ round.wrapping_mul(0xd134_2543_de82_ef95));
        let bytes = mutant(corpus, tokens, &mut random);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(&bytes))) {
            let shown = &bytes[..bytes.len().min(SHOWN_BYTES_MAX)];
            eprintln!("OUTCROP_FUZZ_SEED={seed}, round {round}, {} bytes: \"{}\"", bytes.len(), shown.escape_ascii());
            resume_unwind(panic);
        }
    }
}

/// A member of the corpus after one to eight changes: one is often the most telling.
fn mutant(corpus: &[Vec<u8>], tokens: &[&[u8]], random: &mut Random) -> Vec<u8> {
    let mut bytes = corpus[random.below(corpus.len())].clone();
    for _ in 0..[1, 1, 1, 2, 4, 8][random.below(6)] {
        change(&mut bytes, corpus, tokens, random);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, corpus: &[Vec<u8>], tokens: &[&[u8]], random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let range = |random: &mut Random, length: usize| {
        let start = random.below(length + 1);
        let longest = if random.below(2) == 0 { 8 } else { length };
        start..length.min(start + random.below(longest + 1))
    };
    match random.below(10) {
        0..=1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        2 if at < bytes.len() => bytes[at] = random.next() as u8,
        3..=4 => {
            // A number of 1, 2, 4 or 8 bytes.
            let number = NUMBERS[random.below(NUMBERS.len())].wrapping_add(random.next() % 3);
            let width = (1 << random.below(4)).min(bytes.len() - at);
            bytes[at..at + width].copy_from_slice(&number.to_le_bytes()[..width]);
        }
        5 => drop(bytes.drain(range(random, bytes.len()))),
        6 => bytes.truncate(at),
        7 => {
            let other = &corpus[random.below(corpus.len())];
            let piece = other[range(random, other.len())].to_vec();
            drop(bytes.splice(at..at, piece));
        }
        8 => {
            let other = &corpus[random.below(corpus.len())];
            let piece = &other[range(random, other.len())];
            let length = piece.len().min(bytes.len() - at);
            bytes[at..at + length].copy_from_slice(&piece[..length]);
        }
        _ if !tokens.is_empty() => {
            let token = tokens[random.below(tokens.len())];
            drop(bytes.splice(at..at, token.iter().copied()));
        }
        _ => bytes.insert(at, random.next() as u8),
    }
}
