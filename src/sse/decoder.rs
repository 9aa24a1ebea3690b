//! Reads server-sent events from bytes that arrive in any pieces.
//!
//! Follows the event stream format of the HTML standard: LF, CR LF and CR line ends, comments, several data
//! lines, a byte order mark. `id` and `retry` mean nothing here and are skipped.
//! A library was weighed (eventsource-stream) and not taken: it has no bound on the size of an event.

/// Memory that is kept for the next line and the next event. Most are small; what a large one took would be held for
/// as long as the stream is silent.
const KEPT_BYTES: usize = 512;

/// Collects bytes and reports whole events.
#[derive(Debug)]
pub struct Decoder {
    /// The line that has begun but not ended.
    line: Vec<u8>,
    event: String,
    data: String,
    has_data: bool,
    /// The last byte was CR: an LF that follows belongs to it.
    after_carriage_return: bool,
    /// No line has ended yet, so a byte order mark may come.
    at_start: bool,
    max_event_bytes: usize,
}

/// Why a stream cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// One event exceeds the bound.
    #[error("an event of the stream is larger than {max_event_bytes} bytes")]
    TooLarge {
        /// The bound.
        max_event_bytes: usize,
    },
    /// A line is not UTF-8.
    #[error("the stream is not UTF-8")]
    NotUtf8,
}

impl Decoder {
    /// A decoder that refuses events of more than `max_event_bytes`.
    pub fn new(max_event_bytes: usize) -> Self {
        Self {
            line: Vec::new(),
            event: String::new(),
            data: String::new(),
            has_data: false,
            after_carriage_return: false,
            at_start: true,
            max_event_bytes,
        }
    }

    /// Takes the next bytes and calls `on_event(name, data)` for each event they complete.
    ///
    /// `name` is empty where the stream gives none.
    pub fn feed(
        &mut self,
        mut bytes: &[u8],
        mut on_event: impl FnMut(&str, &str),
    ) -> Result<(), DecodeError> {
        if self.after_carriage_return && !bytes.is_empty() {
            self.after_carriage_return = false;
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
        }
        while let Some(end) = memchr::memchr2(b'\n', b'\r', bytes) {
            let (line, rest) = bytes.split_at(end);
            bytes = match rest {
                [b'\r', b'\n', rest @ ..] => rest,
                [b'\r'] => {
                    self.after_carriage_return = true;
                    &[]
                }
                rest => rest.get(1..).unwrap_or_default(),
            };
            // Before the line is looked at, as it is where the line comes in pieces.
            self.check_size(line.len())?;
            if self.line.is_empty() {
                self.end_line(line, &mut on_event)?;
            } else {
                let mut whole = std::mem::take(&mut self.line);
                whole.extend_from_slice(line);
                self.end_line(&whole, &mut on_event)?;
                whole.clear();
                whole.shrink_to(KEPT_BYTES);
                self.line = whole;
            }
        }
        self.check_size(bytes.len())?;
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    /// Memory that the decoder holds.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn held_bytes(&self) -> usize {
        self.line.capacity() + self.event.capacity() + self.data.capacity()
    }

    fn end_line(
        &mut self,
        line: &[u8],
        on_event: &mut impl FnMut(&str, &str),
    ) -> Result<(), DecodeError> {
        let mut line = std::str::from_utf8(line).map_err(|_| DecodeError::NotUtf8)?;
        if std::mem::take(&mut self.at_start) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            if self.has_data {
                on_event(&self.event, &self.data);
            }
            self.event.clear();
            self.data.clear();
            self.data.shrink_to(KEPT_BYTES);
            self.has_data = false;
            return Ok(());
        }
        if let Some(value) = value_of("data", line) {
            if self.has_data {
                self.data.push('\n');
            }
            self.data.push_str(value);
            self.has_data = true;
        } else if let Some(value) = value_of("event", line) {
            value.clone_into(&mut self.event);
        }
        Ok(())
    }

    fn check_size(&self, more: usize) -> Result<(), DecodeError> {
        if self.line.len() + self.data.len() + more <= self.max_event_bytes {
            Ok(())
        } else {
            Err(DecodeError::TooLarge {
                max_event_bytes: self.max_event_bytes,
            })
        }
    }
}

/// The value of a line that is this field: what follows its colon and one blank; nothing where it has no colon.
/// `None` for the line of another field, and for a comment.
fn value_of<'a>(field: &str, line: &'a str) -> Option<&'a str> {
    let rest = line.strip_prefix(field)?;
    if rest.is_empty() {
        return Some(rest);
    }
    let value = rest.strip_prefix(':')?;
    Some(value.strip_prefix(' ').unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Events = Vec<(String, String)>;

    fn decode_pieces<'a>(
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Events, DecodeError> {
        let mut decoder = Decoder::new(1000);
        let mut events = Vec::new();
        for piece in pieces {
            decoder.feed(piece, |event, data| {
                events.push((event.to_owned(), data.to_owned()));
            })?;
        }
        Ok(events)
    }

    fn pair(event: &str, data: &str) -> (String, String) {
        (event.to_owned(), data.to_owned())
    }

    #[test]
    fn fields_comments_and_every_line_end_are_understood() {
        let text = "\u{feff}event: a\ndata: 1\n\n: comment\nid: 7\nretry: 1\ndata:2\r\ndata: 3\r\n\r\nevent: b\rdata\r\rdata: cut";
        assert_eq!(
            decode_pieces([text.as_bytes()]).unwrap(),
            [pair("a", "1"), pair("", "2\n3"), pair("b", "")]
        );
    }

    #[test]
    fn a_field_whose_name_only_begins_like_another_is_another() {
        let text = "event: a\neventful: b\ndata: 1\ndatabase: 2\ndata : 3\n data: 4\n\n";
        assert_eq!(decode_pieces([text.as_bytes()]).unwrap(), [pair("a", "1")]);
    }

    #[test]
    fn an_event_without_data_is_none() {
        assert_eq!(decode_pieces([b"event: a\n\n\n".as_slice()]).unwrap(), []);
    }

    #[test]
    fn events_are_bounded_in_one_line_and_over_many() {
        let long_line = format!("data: {}", "x".repeat(2000));
        assert!(decode_pieces([long_line.as_bytes()]).is_err());
        let many_lines = "data: 0123456789\n".repeat(200);
        assert!(decode_pieces([many_lines.as_bytes()]).is_err());
        let many_events = "data: 0123456789\n\n".repeat(200);
        assert_eq!(decode_pieces([many_events.as_bytes()]).unwrap().len(), 200);
    }

    #[test]
    fn a_long_line_is_refused_in_one_piece_as_in_many() {
        for line in [
            format!(": {}\n", "x".repeat(1000)),
            format!("data: {}\n\n", "x".repeat(1000)),
        ] {
            let too_large = Err(DecodeError::TooLarge {
                max_event_bytes: 1000,
            });
            assert_eq!(decode_pieces([line.as_bytes()]), too_large);
            assert_eq!(decode_pieces(line.as_bytes().chunks(7)), too_large);
        }
    }

    #[test]
    fn what_is_not_utf8_is_refused() {
        assert_eq!(
            decode_pieces([b"data: \xff\n".as_slice()]),
            Err(DecodeError::NotUtf8)
        );
    }

    proptest! {
        #[test]
        fn any_split_of_the_bytes_gives_the_same_events(
            lines in prop::collection::vec("(data|event|id|): ?[a-zπ😄 :]{0,12}(\n|\r\n|\r|\n\n|\r\n\r\n)", 0..20),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let text = lines.concat();
            let bytes = text.as_bytes();
            let whole = decode_pieces([bytes]).unwrap();
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut start = 0;
            for cut in cuts {
                pieces.push(&bytes[start..cut]);
                start = cut;
            }
            pieces.push(&bytes[start..]);
            prop_assert_eq!(decode_pieces(pieces).unwrap(), whole.clone());
            prop_assert_eq!(decode_pieces(bytes.chunks(1)).unwrap(), whole);
        }
    }
}
