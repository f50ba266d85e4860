//! Labels as the protobuf form has them: `{app="web", path="a\"b"}`. Must not know streams.

use std::borrow::Cow;

use super::{PAIRS_MAX, Pairs};
use crate::fault::{Fault, FaultKind};

/// Labels of a stream; there may be none.
pub(super) fn parse(text: &str) -> Result<Pairs<'_>, Fault> {
    let wrong = |at: usize| Fault::new(at, FaultKind::Labels);
    let inner = text.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or_else(|| wrong(0))?;
    let mut pairs = Vec::new();
    let mut rest = inner.trim();
    while !rest.is_empty() {
        let at = text.len() - rest.len();
        let (name, after) = rest.split_once('=').ok_or_else(|| wrong(at))?;
        let (value, after) = quoted(after.trim_start()).ok_or_else(|| wrong(at))?;
        if pairs.len() == PAIRS_MAX {
            return Err(Fault::new(at, FaultKind::Fields { max: PAIRS_MAX }));
        }
        pairs.push((Cow::Borrowed(name.trim()), value));
        rest = after.trim_start();
        rest = match rest.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if rest.is_empty() => rest,
            None => return Err(wrong(at)),
        };
    }
    Ok(pairs)
}

/// A string in double quotes with Go's escapes, or in backquotes without, and what follows it.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    if let Some(raw) = text.strip_prefix('`') {
        return raw.split_once('`').map(|(value, rest)| (Cow::Borrowed(value), rest));
    }
    let text = text.strip_prefix('"')?;
    let end = text.find(['"', '\\'])?;
    if text.as_bytes()[end] == b'"' {
        return Some((Cow::Borrowed(&text[..end]), &text[end + 1..]));
    }
    let mut value = text[..end].to_owned();
    let mut rest = &text[end..];
    loop {
        let next = rest.find(['"', '\\'])?;
        value.push_str(&rest[..next]);
        let (found, after) = rest[next..].split_at(1);
        rest = if found == "\"" { return Some((Cow::Owned(value), after)) } else { escape(after, &mut value)? };
    }
}

/// What follows a backslash; gives what follows that.
fn escape<'a>(text: &'a str, value: &mut String) -> Option<&'a str> {
    let (kind, rest) = text.split_at_checked(1)?;
    let (digits, radix) = match kind {
        "x" => (2, 16),
        "u" => (4, 16),
        "U" => (8, 16),
        "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" => (3, 8),
        _ => {
            value.push(match kind {
                "n" => '\n',
                "t" => '\t',
                "r" => '\r',
                "a" => '\u{7}',
                "b" => '\u{8}',
                "f" => '\u{c}',
                "v" => '\u{b}',
                "\\" | "\"" | "'" => kind.chars().next()?,
                _ => return None,
            });
            return Some(rest);
        }
    };
    let from = if radix == 8 { text } else { rest };
    let (number, rest) = from.split_at_checked(digits)?;
    if !number.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    value.push(char::from_u32(u32::from_str_radix(number, radix).ok()?)?);
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn labels_as_senders_write_them() {
        for (text, expected) in [
            ("{}", &[][..]),
            (" { } ", &[]),
            ("{app=\"web\"}", &[("app", "web")]),
            ("{app=\"web\", path=\"/a,b}=\"}", &[("app", "web"), ("path", "/a,b}=")]),
            ("{ a = \"1\" ,b=`2\\n`, }", &[("a", "1"), ("b", "2\\n")]),
            ("{a=\"\"}", &[("a", "")]),
            (r#"{a="q\"\\\n\t\u00e9\U0001f600\x41\101é"}"#, &[("a", "q\"\\\n\té😀AAé")]),
        ] {
            let found = parse(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
            let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (&**name, &**value)).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_set_of_labels() {
        for text in [
            "",
            "{",
            "}",
            "app",
            "{app}",
            "{app=web}",
            "{app=\"web}",
            "{app=\"web\" b=\"1\"}",
            "{app=\"a\\\"}",
            "{a=\"\\q\"}",
            "{a=\"\\u12\"}",
            "{a=\"\\x+1\"}",
            "{a=\"\\ud800\"}",
            "{a=`x}",
            "{a=\"\\é\"}",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
