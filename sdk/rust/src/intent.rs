//! Intents: what a unit of work is meant to do. `#[intent]` declares them for functions, `declare` for anything else.

use std::collections::HashMap;
use std::panic::Location;
use std::sync::{LazyLock, Mutex};

use crate::limits::{INTENTS_MAX, SLUG_CHARACTERS_MAX};
use crate::unit::lock;

/// What a unit of work is meant to do. Made by `#[intent]` or by `declare`.
#[derive(Debug)]
#[non_exhaustive]
pub struct Intent {
    pub text: &'static str,
    pub name: &'static str,
    /// `within 2 s`, or nothing.
    pub within: &'static str,
    /// Beyond any duration where there is no `within`.
    pub within_nanoseconds: u64,
    pub expects: &'static [&'static str],
    pub ensures: &'static [&'static str],
    pub owner: &'static str,
    /// 0 for that of the settings.
    pub sample_rate: u32,
    pub function: &'static str,
    pub file: &'static str,
    pub line: u32,
}

impl Intent {
    /// What `#[intent]` writes: nobody else wants to say so much in one line.
    #[doc(hidden)]
    #[expect(clippy::too_many_arguments, reason = "written by a macro, in a static")]
    pub const fn written(
        text: &'static str,
        name: &'static str,
        within: (&'static str, u64),
        expects: &'static [&'static str],
        ensures: &'static [&'static str],
        owner: &'static str,
        sample_rate: u32,
        place: (&'static str, &'static str, u32),
    ) -> Intent {
        Intent {
            text,
            name,
            within: within.0,
            within_nanoseconds: within.1,
            expects,
            ensures,
            owner,
            sample_rate,
            function: place.0,
            file: place.1,
            line: place.2,
        }
    }

    /// The names of everything that is expected, in order.
    pub(crate) fn expectations(&self) -> String {
        let time = (!self.within.is_empty()).then_some(self.within);
        let all = self.expects.iter().chain(self.ensures).copied().chain(time);
        all.chain(["no error", "not cancelled"]).collect::<Vec<_>>().join("; ")
    }
}

/// An intent that `#[intent]` declares, found when the program starts.
#[doc(hidden)]
#[derive(Debug)]
pub struct Declared(pub &'static Intent);

inventory::collect!(Declared);

type Key = (String, String, String, String, &'static str, u32);

/// Intents that were declared while the program ran.
static LATER: LazyLock<Mutex<HashMap<Key, &'static Intent>>> = LazyLock::new(Mutex::default);

/// Every intent that is declared so far.
pub(crate) fn all() -> Vec<&'static Intent> {
    let written = inventory::iter::<Declared>.into_iter().map(|declared| declared.0);
    written.chain(lock(&LATER).values().copied()).collect()
}

/// What is said of an intent that is declared where it runs.
#[derive(Debug)]
pub struct Declaration {
    text: String,
    name: String,
    within: Option<(String, u64)>,
    expects: Vec<String>,
    ensures: Vec<String>,
    owner: String,
    sample_rate: u32,
    place: &'static Location<'static>,
}

/// Declares what a unit of work is meant to do, where it is no function: `declare("Charge the card").run(|| …)`. It is
/// declared when it first runs; `#[intent]` declares when the program starts.
#[track_caller]
pub fn declare(text: &str) -> Declaration {
    Declaration {
        text: text.to_owned(),
        name: slug(text),
        within: None,
        expects: Vec::new(),
        ensures: Vec::new(),
        owner: String::new(),
        sample_rate: 0,
        place: Location::caller(),
    }
}

impl Declaration {
    /// What it is called for good; else its text makes the name.
    pub fn name(mut self, name: &str) -> Declaration {
        self.name = name.to_owned();
        self
    }

    /// How long it may take: `"2 s"`, `"500 ms"`. What cannot be read is not expected, and debug builds say so.
    pub fn within(mut self, duration: &str) -> Declaration {
        self.within = read_duration(duration);
        debug_assert!(
            self.within.is_some(),
            "{duration:?} is no duration; write a number and ms, s, min or h: \"2 s\""
        );
        self
    }

    /// Names of the conditions that the code below checks with `expect!`.
    pub fn expects<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Declaration {
        self.expects = names.into_iter().map(expectation).collect();
        self
    }

    /// Names of the conditions that `ensuring` says of the result.
    pub fn ensures<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Declaration {
        self.ensures = names.into_iter().map(expectation).collect();
        self
    }

    pub fn owner(mut self, owner: &str) -> Declaration {
        self.owner = owner.to_owned();
        self
    }

    pub fn sample_rate(mut self, rate: u32) -> Declaration {
        self.sample_rate = rate;
        self
    }

    /// The intent: the same one for the same words in the same place.
    pub fn intent(self) -> &'static Intent {
        let said = format!("{:?} {:?} {:?} {}", self.expects, self.ensures, self.owner, self.sample_rate);
        let within = self.within.as_ref().map(|(label, _)| label.clone()).unwrap_or_default();
        let key = (self.text.clone(), self.name.clone(), within, said, self.place.file(), self.place.line());
        let mut later = lock(&LATER);
        if let Some(known) = later.get(&key) {
            return known;
        }
        let made: &'static Intent = Box::leak(Box::new(self.made()));
        // Beyond the bound an intent is a name made of data, and is not announced.
        if later.len() < INTENTS_MAX {
            later.insert(key, made);
        }
        made
    }

    fn made(self) -> Intent {
        let (label, nanoseconds) = self.within.unwrap_or((String::new(), u64::MAX));
        Intent {
            text: leak(self.text),
            name: leak(self.name),
            within: leak(label),
            within_nanoseconds: nanoseconds,
            expects: leak_all(self.expects),
            ensures: leak_all(self.ensures),
            owner: leak(self.owner),
            sample_rate: self.sample_rate,
            function: "",
            file: self.place.file(),
            line: self.place.line(),
        }
    }
}

/// Intents live as long as the program does.
fn leak(text: String) -> &'static str {
    text.leak()
}

fn leak_all(texts: Vec<String>) -> &'static [&'static str] {
    texts.into_iter().map(leak).collect::<Vec<_>>().leak()
}

/// The name of an expectation as it can stand in a list.
pub(crate) fn expectation(name: &str) -> String {
    name.replace(';', ",")
}

/// `within 2 s` and its nanoseconds, of "2 s", "2s" or "2.0 min".
fn read_duration(text: &str) -> Option<(String, u64)> {
    let text = text.trim();
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = (text[..at].trim(), text[at..].trim());
    let nanoseconds = match unit {
        "ms" => 1e6,
        "s" => 1e9,
        "min" => 60e9,
        "h" => 3600e9,
        _ => return None,
    };
    let value: f64 = number.parse().ok()?;
    Some((format!("within {number} {unit}"), (value * nanoseconds).round() as u64))
}

/// A name of a text: letters and digits in lower case, one `_` for everything between.
fn slug(text: &str) -> String {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let name: String = words.join("_").chars().take(SLUG_CHARACTERS_MAX).collect();
    if name.is_empty() { "intent".to_owned() } else { name }
}
