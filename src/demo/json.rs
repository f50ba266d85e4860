//! One flat JSON object, written straight into bytes. Must not know: the shop.

/// Writes `"name":value` pairs between the braces of one object.
#[derive(Debug)]
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Object<'a> {
    pub(super) fn open(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    pub(super) fn close(self) {
        self.out.extend_from_slice(b"}\n");
    }

    /// Names are literals of this program: nothing in them needs escaping.
    fn name(&mut self, name: &str) {
        self.out.extend_from_slice(if self.first { b"\"" } else { b",\"" });
        self.first = false;
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        self.out.push(b'"');
        escape(self.out, value);
        self.out.push(b'"');
    }

    /// A text put together from parts, without a string in between.
    pub(super) fn parts(&mut self, name: &str, parts: &[Part<'_>]) {
        self.name(name);
        self.out.push(b'"');
        for part in parts {
            match *part {
                Part::Text(text) => escape(self.out, text),
                Part::Number(number, width) => digits(self.out, number, width),
                Part::Hex(number, width) => hex(self.out, number, width),
            }
        }
        self.out.push(b'"');
    }

    pub(super) fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        digits(self.out, value, 1);
    }

    /// A number in thousandths: `138400` is `138.4`.
    pub(super) fn thousandths(&mut self, name: &str, value: u64) {
        self.name(name);
        digits(self.out, value / 1000, 1);
        let mut rest = value % 1000;
        let mut width = 3;
        while width > 1 && rest.is_multiple_of(10) {
            rest /= 10;
            width -= 1;
        }
        self.out.push(b'.');
        digits(self.out, rest, width);
    }

    pub(super) fn flag(&mut self, name: &str, value: bool) {
        self.name(name);
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// RFC 3339 in UTC with microseconds.
    pub(super) fn time(&mut self, name: &str, ns: i64) {
        self.name(name);
        self.out.push(b'"');
        rfc3339(self.out, ns);
        self.out.push(b'"');
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Part<'a> {
    Text(&'a str),
    /// Padded with zeros to at least so many digits.
    Number(u64, usize),
    /// The low digits of a number in base 16.
    Hex(u64, usize),
}

fn escape(out: &mut Vec<u8>, text: &str) {
    let plain = |byte: &u8| *byte >= 0x20 && *byte != b'"' && *byte != b'\\';
    if text.as_bytes().iter().all(plain) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => {
                out.extend_from_slice(b"\\u");
                hex(out, u64::from(byte), 4);
            }
            other => out.push(other),
        }
    }
}

fn digits(out: &mut Vec<u8>, number: u64, width: usize) {
    let mut buffer = [b'0'; 20];
    let mut at = buffer.len();
    let mut left = number;
    while left > 0 || buffer.len() - at < width.min(20) {
        at -= 1;
        buffer[at] = b'0' + (left % 10) as u8;
        left /= 10;
    }
    out.extend_from_slice(&buffer[at..]);
}

fn hex(out: &mut Vec<u8>, number: u64, width: usize) {
    for place in (0..width.min(16)).rev() {
        let digit = (number >> (place * 4)) & 15;
        out.push(b"0123456789abcdef"[digit as usize]);
    }
}

fn rfc3339(out: &mut Vec<u8>, ns: i64) {
    let (days, of_day) = (ns.div_euclid(86_400_000_000_000), ns.rem_euclid(86_400_000_000_000) as u64);
    let (year, month, day) = civil(days);
    let second = of_day / 1_000_000_000;
    for (number, width, after) in [
        (year, 4, b'-'),
        (month, 2, b'-'),
        (day, 2, b'T'),
        (second / 3600, 2, b':'),
        (second / 60 % 60, 2, b':'),
        (second % 60, 2, b'.'),
        (of_day / 1000 % 1_000_000, 6, b'Z'),
    ] {
        digits(out, number, width);
        out.push(after);
    }
}

/// Days since 1970-01-01 as year, month and day (proleptic Gregorian; years count from March inside).
fn civil(days: i64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year.max(0) as u64, month as u64, day as u64)
}
