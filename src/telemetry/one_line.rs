//! One event, one line: what others wrote into an event can neither begin a line of its own nor steer a terminal.
//!
//! Fields are quoted by the formatter, but messages repeat words of the service, which may quote a client.

use std::io::{self, Stdout, Write};

/// Standard output, which gets each event as one line.
pub(super) fn stdout() -> OneLine<Stdout> {
    OneLine(io::stdout())
}

/// Writes each text that it is given as one line, with control characters escaped. The formatter gives it a whole
/// event at a time.
#[derive(Debug)]
pub(super) struct OneLine<W>(W);

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = event.strip_suffix(b"\n").unwrap_or(event);
        let text = String::from_utf8_lossy(text);
        if text.contains(char::is_control) {
            let escaped = text.chars().flat_map(|c| {
                let control = c.is_control().then(|| c.escape_default());
                let harmless = (!c.is_control()).then_some(c);
                control.into_iter().flatten().chain(harmless)
            });
            let line: String = escaped.chain(['\n']).collect();
            self.0.write_all(line.as_bytes())?;
        } else {
            self.0.write_all(event)?;
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(event: &str) -> String {
        let mut line = OneLine(Vec::new());
        line.write_all(event.as_bytes()).unwrap();
        String::from_utf8(line.0).unwrap()
    }

    #[test]
    fn only_the_end_of_an_event_ends_its_line() {
        assert_eq!(
            written("plain, é and \"quoted\"\n"),
            "plain, é and \"quoted\"\n"
        );
        assert_eq!(
            written("refused: a\r\n2026 INFO forged\u{1b}[2J\u{9b}31m\tb\n"),
            "refused: a\\r\\n2026 INFO forged\\u{1b}[2J\\u{9b}31m\\tb\n"
        );
    }
}
