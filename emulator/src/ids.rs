//! Identifiers in the service's forms.
//!
//! Classic objects carry 24 letters and digits (`run_YzrfmWISvOtaM0dCxyDqZzRj`), new ones 50 hexadecimal digits
//! (`resp_fe04...`), conversations and their items a mix, as in the recordings.

use std::iter::repeat_with;

/// A classic identifier: the prefix (`thread`, `msg`, `run`, `step`, `asst`) and 24 letters and digits.
pub(crate) fn classic(prefix: &str) -> String {
    format!("{prefix}_{}", alphanumeric(24))
}

/// An identifier of the Responses API: the prefix (`resp`, `msg`, `fc`, `rs`, `mcpr`) and 50 hexadecimal digits.
pub(crate) fn response(prefix: &str) -> String {
    format!("{prefix}_{}", hexadecimal(50))
}

/// An identifier of a conversation (`conv`) or of an item stored in one (`msg`).
pub(crate) fn conversation(prefix: &str) -> String {
    format!("{prefix}_{}00{}", hexadecimal(16), alphanumeric(32))
}

/// The identifier that pairs a function call with its output, in both dialects.
pub(crate) fn call() -> String {
    classic("call")
}

/// An uploaded file: `assistant-` in both dialects.
pub(crate) fn file() -> String {
    format!("assistant-{}", alphanumeric(22))
}

/// A request identifier of 32 hexadecimal digits.
pub(crate) fn request() -> String {
    hexadecimal(32)
}

/// A random version 4 UUID.
pub(crate) fn uuid() -> String {
    let digits = hexadecimal(31);
    let (time_low, rest) = digits.split_at(8);
    let (time_mid, rest) = rest.split_at(4);
    let (time_high, rest) = rest.split_at(3);
    let (clock, node) = rest.split_at(4);
    // The variant digit of a version 4 UUID is 8, 9, a or b; 9 is as random as a fake needs to be.
    format!(
        "{time_low}-{time_mid}-4{time_high}-9{}-{node}",
        clock.get(1..).unwrap_or_default()
    )
}

/// Letters and digits, as padding that hides the length of a text delta.
pub(crate) fn padding(length: usize) -> String {
    alphanumeric(length)
}

fn alphanumeric(length: usize) -> String {
    repeat_with(fastrand::alphanumeric).take(length).collect()
}

fn hexadecimal(length: usize) -> String {
    repeat_with(|| fastrand::digit(16)).take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_has_the_usual_groups() {
        let groups: Vec<usize> = uuid().split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12]);
    }

    #[test]
    fn identifiers_are_as_long_as_the_recorded_ones() {
        assert_eq!(classic("run").len(), "run_YzrfmWISvOtaM0dCxyDqZzRj".len());
        assert_eq!(
            response("resp").len(),
            "resp_ef7525fba2009b650069a7dc5326a48190a07f1e88c84a310d".len()
        );
        assert_eq!(
            conversation("conv").len(),
            "conv_ef7525fba2009b6500tIDmOqJKnTOKrmmAcz5SGLROIVsVDBCt".len()
        );
    }
}
