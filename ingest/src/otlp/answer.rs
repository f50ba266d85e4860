//! What a sender is told: what was stored, or why nothing was. Must not know HTTP or gRPC.

use super::Signal;
use crate::json_text::push_string;
use crate::protobuf::write::{bytes_field, varint_field};

/// An `Export…ServiceResponse`: empty, or a partial success if items were rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported<'a> {
    pub signal: Signal,
    pub rejected: usize,
    /// Why the first of them was.
    pub error: &'a str,
}

impl Exported<'_> {
    pub fn protobuf(&self) -> Vec<u8> {
        let mut response = Vec::new();
        if self.rejected > 0 {
            let mut partial = Vec::new();
            varint_field(&mut partial, 1, self.rejected as u64);
            bytes_field(&mut partial, 2, self.error.as_bytes());
            bytes_field(&mut response, 1, &partial);
        }
        response
    }

    pub fn json(&self) -> String {
        if self.rejected == 0 {
            return "{}".to_owned();
        }
        let items = match self.signal {
            Signal::Traces => "rejectedSpans",
            Signal::Logs => "rejectedLogRecords",
            Signal::Metrics => "rejectedDataPoints",
        };
        let mut json = format!("{{\"partialSuccess\":{{\"{items}\":\"{}\",\"errorMessage\":", self.rejected);
        push_string(&mut json, self.error);
        json.push_str("}}");
        json
    }
}

/// A `google.rpc.Status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status<'a> {
    /// One of gRPC's codes.
    pub code: u32,
    pub message: &'a str,
    /// After how many seconds the request may be sent again.
    pub retry_seconds: Option<u32>,
}

impl Status<'_> {
    pub fn protobuf(&self) -> Vec<u8> {
        let mut status = Vec::new();
        varint_field(&mut status, 1, u64::from(self.code));
        bytes_field(&mut status, 2, self.message.as_bytes());
        if let Some(seconds) = self.retry_seconds {
            let (mut delay, mut retry, mut detail) = (Vec::new(), Vec::new(), Vec::new());
            varint_field(&mut delay, 1, u64::from(seconds));
            bytes_field(&mut retry, 1, &delay);
            bytes_field(&mut detail, 1, b"type.googleapis.com/google.rpc.RetryInfo");
            bytes_field(&mut detail, 2, &retry);
            bytes_field(&mut status, 3, &detail);
        }
        status
    }

    pub fn json(&self) -> String {
        let mut json = format!("{{\"code\":{},\"message\":", self.code);
        push_string(&mut json, self.message);
        if let Some(seconds) = self.retry_seconds {
            json.push_str(&format!(
                ",\"details\":[{{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"{seconds}s\"}}]"
            ));
        }
        json.push('}');
        json
    }
}

#[cfg(test)]
mod tests {
    use super::{Exported, Signal, Status};

    #[test]
    fn answers_byte_by_byte() {
        let all = Exported { signal: Signal::Traces, rejected: 0, error: "" };
        assert_eq!((all.protobuf(), all.json()), (vec![], "{}".to_owned()));
        let some = Exported { signal: Signal::Logs, rejected: 300, error: "a\"b" };
        assert_eq!(some.protobuf(), [0x0a, 0x08, 0x08, 0xac, 0x02, 0x12, 0x03, b'a', b'"', b'b']);
        assert_eq!(some.json(), r#"{"partialSuccess":{"rejectedLogRecords":"300","errorMessage":"a\"b"}}"#);
        let plain = Status { code: 3, message: "no", retry_seconds: None };
        assert_eq!(plain.protobuf(), [0x08, 3, 0x12, 2, b'n', b'o']);
        assert_eq!(plain.json(), r#"{"code":3,"message":"no"}"#);
        let retry = Status { code: 14, message: "", retry_seconds: Some(5) }.protobuf();
        assert!(retry.ends_with(&[0x12, 0x04, 0x0a, 0x02, 0x08, 0x05]), "{retry:?}");
        let length = b"type.googleapis.com/google.rpc.RetryInfo".len();
        assert_eq!(retry[..8], [0x08, 14, 0x12, 0, 0x1a, length as u8 + 8, 0x0a, length as u8]);
        assert!(Status { code: 8, message: "", retry_seconds: Some(1) }.json().contains(r#""retryDelay":"1s""#));
    }
}
