//! Server-sent events, in whatever pieces their bytes come.

use crate::sse::{DecodeError, Decoder};

/// What a decoder made of a stream: its events, and why it stopped, if it did.
type Decoded = (Vec<(String, String)>, Option<DecodeError>);

/// Input: a byte for the bound, a byte that says how the stream is cut, the stream.
///
/// - However the bytes are cut, the events and the error are the same.
/// - They are those of a second reading of the standard, which knows the whole stream.
/// - No event, and nothing that the decoder holds, is larger than the bound allows.
///
/// # Panics
///
/// Where one of these does not hold.
pub fn sse_decoder(input: &[u8]) {
    let Some(([bound, cut], stream)) = input.split_first_chunk::<2>() else {
        return;
    };
    let bound = 1 + usize::from(*bound) * 16;
    let whole = decode(std::iter::once(stream), bound);
    assert_eq!(whole, by_the_standard(stream, bound), "second reading");
    assert_eq!(decode(stream.chunks(1), bound), whole, "single bytes");
    let length = 2 + usize::from(*cut);
    assert_eq!(decode(stream.chunks(length), bound), whole, "pieces");
    let (first, second) = stream.split_at(usize::from(*cut).min(stream.len()));
    assert_eq!(decode([first, b"", second], bound), whole, "two parts");
    for (name, data) in &whole.0 {
        assert!(name.len() <= bound && data.len() <= bound, "{name} {data}");
    }
}

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, bound: usize) -> Decoded {
    let mut decoder = Decoder::new(bound);
    let mut events = Vec::new();
    for piece in pieces {
        let fed = decoder.feed(piece, |name, data| {
            events.push((name.to_owned(), data.to_owned()));
        });
        // A line, a name and data, each of which may have grown to twice what it needs.
        let held = decoder.held_bytes();
        assert!(held <= 6 * bound + 64, "{held} bytes are held");
        if let Err(error) = fed {
            return (events, Some(error));
        }
    }
    (events, None)
}

/// The standard's own algorithm over the whole stream, line by line, with the decoder's bound: no line may be longer
/// than what the data before it in the same event has left.
fn by_the_standard(stream: &[u8], bound: usize) -> Decoded {
    let mut events = Vec::new();
    let (mut name, mut data) = (String::new(), None::<String>);
    let mut rest = stream;
    let mut first = true;
    loop {
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
        if bound < line.len() + data.as_ref().map_or(0, String::len) {
            let too_large = DecodeError::TooLarge {
                max_event_bytes: bound,
            };
            return (events, Some(too_large));
        }
        if end.is_none() {
            return (events, None);
        }
        rest = after
            .strip_prefix(b"\r\n")
            .or_else(|| after.get(1..))
            .unwrap_or_default();
        let Ok(line) = std::str::from_utf8(line) else {
            return (events, Some(DecodeError::NotUtf8));
        };
        let line = match line.strip_prefix('\u{feff}') {
            Some(line) if first => line,
            _ => line,
        };
        first = false;
        if line.is_empty() {
            let name = std::mem::take(&mut name);
            events.extend(data.take().map(|data| (name, data)));
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match (field, &mut data) {
            ("event", _) => value.clone_into(&mut name),
            ("data", Some(data)) => {
                data.push('\n');
                data.push_str(value);
            }
            ("data", none) => *none = Some(value.to_owned()),
            _ => {}
        }
    }
}
