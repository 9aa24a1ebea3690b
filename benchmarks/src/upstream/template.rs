//! Text that is written once, with places that are filled for each answer.

use bytes::{BufMut, Bytes, BytesMut};

/// What is put into the places of a [`Template`].
#[derive(Debug, Clone)]
pub(super) struct Fillings {
    /// A number of its own for each answer: for `@NUMBER@`, twelve digits.
    pub(super) number: u64,
    /// The number in the id of the thread: for `@THREAD@`, twelve digits.
    pub(super) thread: u64,
    /// The mark of the question: for `@MARK@`.
    pub(super) mark: Bytes,
}

/// A text with places to fill; one without places costs nothing to fill.
#[derive(Debug)]
pub(super) struct Template {
    pieces: Vec<Piece>,
    length: usize,
}

#[derive(Debug)]
enum Piece {
    Text(Bytes),
    Number,
    Thread,
    Mark,
}

impl Template {
    pub(super) fn new(text: &str) -> Self {
        let mut pieces = Vec::new();
        for (index, part) in text.split('@').enumerate() {
            pieces.push(match (index % 2, part) {
                (1, "NUMBER") => Piece::Number,
                (1, "THREAD") => Piece::Thread,
                (1, "MARK") => Piece::Mark,
                (_, "") => continue,
                _ => Piece::Text(Bytes::copy_from_slice(part.as_bytes())),
            });
        }
        let length = pieces.iter().map(Piece::length).sum();
        Self { pieces, length }
    }

    pub(super) fn fill(&self, fillings: &Fillings) -> Bytes {
        if let [Piece::Text(text)] = self.pieces.as_slice() {
            return text.clone();
        }
        let mut filled = BytesMut::with_capacity(self.length);
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => filled.put_slice(text),
                Piece::Number => filled.put_slice(&digits(fillings.number)),
                Piece::Thread => filled.put_slice(&digits(fillings.thread)),
                Piece::Mark => filled.put_slice(&fillings.mark),
            }
        }
        filled.freeze()
    }
}

impl Piece {
    fn length(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            _ => DIGITS,
        }
    }
}

const DIGITS: usize = 12;

fn digits(number: u64) -> [u8; DIGITS] {
    let mut digits = [b'0'; DIGITS];
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_and_the_rest_stays() {
        let fillings = Fillings {
            number: 42,
            thread: 7,
            mark: Bytes::from_static(b"#q0000001"),
        };
        let template = Template::new("a resp_@NUMBER@ in thread_@THREAD@: @MARK@ tok1");
        assert_eq!(
            template.fill(&fillings),
            "a resp_000000000042 in thread_000000000007: #q0000001 tok1"
        );
        assert_eq!(Template::new("plain").fill(&fillings), "plain");
    }
}
