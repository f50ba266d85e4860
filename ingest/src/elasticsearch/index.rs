//! Which dataset an index is: shippers name a new index for every day, and mean one stream of events.
//!
//! Must not know requests.

use outcrop_storage::event::DatasetName;

use crate::dataset_name;

/// The dataset of an index, which has no date and no rollover number at its end.
pub(super) fn dataset_of(index: &str) -> Option<DatasetName> {
    // Data streams name their backing indexes so; nobody writes to them by that name.
    let index = without_rollover(index);
    dataset_name(without_date(index).unwrap_or(index))
}

/// `logs-2026.11.20-000003` is `logs-2026.11.20` rolled over; a number alone is part of a name.
fn without_rollover(index: &str) -> &str {
    match index.rsplit_once('-') {
        Some((rest, number)) if number.len() == 6 && is_digits(number) && without_date(rest).is_some() => rest,
        _ => index,
    }
}

/// What is before a date at the end, if there is one and something before it.
fn without_date(index: &str) -> Option<&str> {
    [".dd.dd", "-dd-dd", ".dd", "-dd"].iter().find_map(|after_year| {
        let year_at = index.len().checked_sub(after_year.len() + 4)?;
        let (before, date) = index.split_at_checked(year_at)?;
        let (year, rest) = date.split_at_checked(4)?;
        let fits = rest.len() == after_year.len()
            && rest.bytes().zip(after_year.bytes()).all(|(byte, form)| match form {
                b'd' => byte.is_ascii_digit(),
                form => byte == form,
            });
        let name = before.strip_suffix(['-', '.', '_'])?;
        (fits && is_digits(year) && year.starts_with(['1', '2']) && !name.is_empty()).then_some(name)
    })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::dataset_of;

    #[test]
    fn a_date_at_the_end_is_no_part_of_the_name() {
        for (index, dataset) in [
            ("web", "web"),
            ("Logstash-2026.11.20", "logstash"),
            ("filebeat-8.11.0-2026.11.20", "filebeat-8.11.0"),
            ("filebeat-8.11.0-2026.11.20-000001", "filebeat-8.11.0"),
            ("filebeat-8.11.0", "filebeat-8.11.0"),
            ("logs-generic-default", "logs-generic-default"),
            ("web-2026-11-20", "web"),
            ("web.2026.11.20", "web"),
            ("web_2026.11.20", "web"),
            ("web-2026.11", "web"),
            ("web-2026-11", "web"),
            ("web-2026", "web-2026"),
            ("web-000001", "web-000001"),
            ("2026.11.20", "2026.11.20"),
            ("-2026.11.20", "-2026.11.20"),
            ("web-9026.11.20", "web-9026.11.20"),
            ("a/b*c", "a-b-c"),
            ("\u{e9}-2026.11.20", "\u{e9}"),
            ("\u{1f600}26.11.20", "\u{1f600}26.11.20"),
        ] {
            assert_eq!(dataset_of(index).as_ref().map(|name| name.as_str()), Some(dataset), "{index}");
        }
        assert_eq!(dataset_of(""), None);
    }
}
