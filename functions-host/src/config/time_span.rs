//! .NET's `TimeSpan` as host.json writes it: `hh:mm:ss`, with days in front and fractions behind if needed.

use std::time::Duration;

/// Parses `[d.]hh:mm:ss[.fffffff]`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    parts(text).ok_or_else(|| format!("must be hh:mm:ss, not {text}"))
}

/// The same, where `-1` is for ever.
pub(crate) fn parse_limit(text: &str) -> Result<Option<Duration>, String> {
    match text {
        "-1" => Ok(None),
        span => parse(span).map(Some),
    }
}

fn parts(text: &str) -> Option<Duration> {
    let mut fields = text.split(':');
    let (days_and_hours, minutes, seconds) = (fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() {
        return None;
    }
    let (days, hours) = days_and_hours
        .split_once('.')
        .unwrap_or(("0", days_and_hours));
    let hours = days.parse::<u64>().ok()? * 24 + below(hours, 24)?;
    let minutes = hours * 60 + below(minutes, 60)?;
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let seconds = minutes * 60 + below(whole, 60)?;
    let nanos = format!("{fraction:0<9}").parse().ok()?;
    (nanos < 1_000_000_000).then(|| Duration::new(seconds, nanos))
}

fn below(text: &str, limit: u64) -> Option<u64> {
    text.parse().ok().filter(|number| *number < limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_host_json_are_read() {
        assert_eq!(parse("00:00:30"), Ok(Duration::from_secs(30)));
        assert_eq!(parse("1.02:03:04"), Ok(Duration::from_secs(93_784)));
        assert_eq!(parse("00:00:00.2500000"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_limit("-1"), Ok(None));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "30", "00:30", "00:61:00", "00:00:aa", "1:2:3:4"] {
            assert_eq!(parse(text), Err(format!("must be hh:mm:ss, not {text}")));
        }
    }
}
