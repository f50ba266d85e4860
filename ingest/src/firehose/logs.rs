//! The envelope in which CloudWatch Logs puts lines. Must not know records.

use std::borrow::Cow;
use std::ops::Range;

use crate::error::DecodeError;
use crate::event::{Rows, Stamp, Value};
use crate::fault::{Fault, FaultKind};
use crate::json::scan::Scanner;
use crate::json::walk::{array, object, text_or_skip};
use crate::time;

/// An object such as `{"messageType":"DATA_MESSAGE","logGroup":…,"logStream":…,"logEvents":[…]}`.
#[derive(Debug)]
pub(super) struct CloudWatch<'a> {
    text: &'a str,
    holds_lines: bool,
    account: Cow<'a, str>,
    group: Cow<'a, str>,
    stream: Cow<'a, str>,
    /// Where the lines begin.
    lines: usize,
}

/// One line of a log.
#[derive(Debug)]
pub(super) struct Line<'a> {
    id: Option<Cow<'a, str>>,
    milliseconds: Option<i64>,
    message: Cow<'a, str>,
    /// Where it lies in the record.
    pub(super) range: Range<usize>,
}

impl<'a> CloudWatch<'a> {
    /// The envelope at the scanner, if the record is one.
    pub(super) fn find(scan: &Scanner<'a>) -> Option<CloudWatch<'a>> {
        let mut scan = scan.clone();
        let text = scan.text();
        if !text.contains("\"logEvents\"") || !text.contains("\"messageType\"") {
            return None;
        }
        let (mut kind, mut account, mut group, mut stream) = (None, None, None, None);
        let mut lines = None;
        object(&mut scan, |scan, key| {
            let slot = match key {
                "messageType" => &mut kind,
                "owner" => &mut account,
                "logGroup" => &mut group,
                "logStream" => &mut stream,
                "logEvents" => {
                    lines = Some(scan.at());
                    return scan.skip(None).map(drop);
                }
                _ => return scan.skip(None).map(drop),
            };
            *slot = text_or_skip(scan)?;
            Ok(())
        })
        .ok()?;
        scan.space();
        if !scan.rest().is_empty() || text.as_bytes().get(lines?) != Some(&b'[') {
            return None;
        }
        Some(CloudWatch {
            text,
            holds_lines: kind? != "CONTROL_MESSAGE",
            account: account.unwrap_or_default(),
            group: group.unwrap_or_default(),
            stream: stream.unwrap_or_default(),
            lines: lines?,
        })
    }

    /// Calls `each` with every line, or with what is wrong with it.
    pub(super) fn each_line(
        &self,
        mut each: impl FnMut(Result<Line<'a>, Fault>) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        if !self.holds_lines {
            return Ok(());
        }
        let mut scan = Scanner::new(self.text);
        scan.set_at(self.lines);
        let mut outcome = Ok(());
        let read = array(&mut scan, |scan| {
            let start = scan.at();
            let line = line(scan);
            if line.is_err() {
                scan.set_at(start);
                scan.skip(None)?;
            }
            if outcome.is_ok() {
                outcome = each(line);
            }
            Ok(())
        });
        // The array was passed over before: it is one.
        debug_assert!(read.is_ok(), "{read:?}");
        outcome
    }

    pub(super) fn stage(&self, rows: &mut Rows<'_>, line: &Line<'_>) -> Result<Stamp, Fault> {
        rows.begin();
        let fields = [
            ("cloud.account.id", self.account.as_ref()),
            ("aws.log.group.name", &self.group),
            ("aws.log.stream.name", &self.stream),
            ("aws.log.event.id", line.id.as_deref().unwrap_or_default()),
        ];
        for (name, text) in fields.into_iter().filter(|(_, text)| !text.is_empty()) {
            add(rows, name, text)?;
        }
        add(rows, "body", &line.message)?;
        add(rows, "meta.signal_type", "log")?;
        let mut stamp = Stamp::at(rows.received());
        if let Some(milliseconds) = line.milliseconds {
            let nanoseconds = milliseconds.rem_euclid(1_000) as u32 * 1_000_000;
            match time::from_seconds(milliseconds.div_euclid(1_000), nanoseconds) {
                Some(time) => stamp.timestamp = time,
                None => stamp.invalid_timestamp = Some(milliseconds.to_string()),
            }
        }
        Ok(stamp)
    }
}

fn line<'a>(scan: &mut Scanner<'a>) -> Result<Line<'a>, Fault> {
    let start = scan.at();
    let mut line = Line { id: None, milliseconds: None, message: Cow::Borrowed(""), range: start..start };
    object(scan, |scan, key| {
        let start = scan.at();
        match key {
            "timestamp" => {
                scan.skip(None)?;
                line.milliseconds = scan.text()[start..scan.at()].parse().ok();
            }
            "id" => line.id = text_or_skip(scan)?,
            "message" => line.message = text_or_skip(scan)?.unwrap_or_default(),
            _ => drop(scan.skip(None)?),
        }
        Ok(())
    })?;
    line.range = start..scan.at();
    Ok(line)
}

/// Texts here may be shorter-lived than the record, so that they are copied.
fn add(rows: &mut Rows<'_>, name: &str, text: &str) -> Result<(), Fault> {
    let field = rows.field(name).map_err(|error| Fault::new(0, FaultKind::Name(error)))?;
    let scratch = rows.scratch();
    let begin = scratch.len();
    scratch.push_str(text);
    let value = Value::Scratch(begin..scratch.len());
    let max = rows.limits().event_fields_max;
    rows.add(field, value).map_err(|_| Fault::new(0, FaultKind::Fields { max }))
}
