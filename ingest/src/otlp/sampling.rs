//! For how many spans one stands, as its trace state says: `ot=th:8` was kept with a chance of one in two.
//!
//! Must not know spans or attributes.

/// Possible values of the random number that a threshold is compared with.
const RANDOMS: u64 = 1 << 56;

/// The adjusted count in a `tracestate`, at least 1.
pub(super) fn adjusted_count(trace_state: &str) -> Option<f64> {
    let member = trace_state.split(',').find_map(|member| member.trim().strip_prefix("ot="))?;
    let digits = member.split(';').find_map(|part| part.strip_prefix("th:").or_else(|| part.strip_prefix("th=")))?;
    if digits.is_empty() || digits.len() > 14 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    // Trailing zeros are left out: 8 is 80000000000000.
    let threshold = u64::from_str_radix(digits, 16).ok()? << (4 * (14 - digits.len()));
    Some(RANDOMS as f64 / (RANDOMS - threshold) as f64)
}

#[cfg(test)]
mod tests {
    use super::adjusted_count;

    #[test]
    fn thresholds_are_the_share_that_was_left_out() {
        for (state, count) in [
            ("ot=th:0", Some(1.0)),
            ("ot=th:8", Some(2.0)),
            ("ot=th:c", Some(4.0)),
            ("ot=th:c0000000000000", Some(4.0)),
            ("ot=rv:abcdabcdabcdab;th:fd70a4", Some(100.000_095_367_522_59)),
            ("vendor=1, ot=p:8;th:e,other=2", Some(8.0)),
            ("ot=th=c", Some(4.0)),
            ("ot=th:ffffffffffffff", Some(72_057_594_037_927_936.0)),
            ("", None),
            ("ot=", None),
            ("ot=th:", None),
            ("ot=th:xyz", None),
            ("ot=th:+8", None),
            ("ot=th:c00000000000000", None),
            ("th:8", None),
            ("bot=th:8", None),
        ] {
            match (adjusted_count(state), count) {
                (Some(found), Some(count)) => assert!((found - count).abs() <= count * 1e-9, "{state}: {found}"),
                (found, count) => assert_eq!(found, count, "{state}"),
            }
        }
    }
}
