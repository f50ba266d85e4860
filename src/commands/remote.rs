//! A running Outcrop, as arguments name it, and what its answers warn of. Must not know what it is asked.

use clap::Args;
use serde_json::Value;
use ureq::http::HeaderValue;
use ureq::tls::RootCerts;

use crate::client::{self, Client};

#[derive(Args, Debug)]
pub(super) struct Remote {
    /// Where Outcrop is
    #[arg(long, env = "OUTCROP_URL", default_value = "http://127.0.0.1:4318")]
    url: String,
    /// A key, if Outcrop has keys
    #[arg(long, env = "OUTCROP_KEY", hide_env_values = true, value_parser = client::key)]
    key: Option<HeaderValue>,
    /// Certificates of authorities to trust over https, in PEM, in place of those that everybody trusts
    #[arg(long, env = "OUTCROP_CA", value_name = "FILE", value_parser = client::authorities)]
    ca: Option<RootCerts>,
}

impl Remote {
    pub(super) fn client(&self) -> Client {
        Client::new(&self.url, self.key.as_ref(), self.ca.as_ref())
    }
}

/// Says what an answer lacks, beside it.
pub(super) fn tell_warnings(answer: &Value) {
    for warning in answer["warnings"].as_array().into_iter().flatten() {
        eprintln!("{}", warning_told(warning));
    }
}

fn warning_told(warning: &Value) -> String {
    match warning["message"].as_str() {
        Some(message) => message.to_owned(),
        None => format!("no event has a field {}; alike: {}", warning["field"], warning["similar"]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_warning_is_told_for_what_it_is() {
        let unknown = json!({ "code": "unknown_field", "field": "a", "similar": ["b"] });
        assert_eq!(warning_told(&unknown), "no event has a field \"a\"; alike: [\"b\"]");
        let damaged = json!({ "code": "damaged_segment", "message": "up to 3 events are missing" });
        assert_eq!(warning_told(&damaged), "up to 3 events are missing");
    }
}
