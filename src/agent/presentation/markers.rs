//! Cuts citation markers such as `【4:0†source】` out of a text that comes in pieces.

/// Cuts markers, and knows where every place of the text has gone.
#[derive(Debug, Default)]
pub(super) struct MarkerStripper {
    /// The beginning of what may become a marker.
    held: String,
    /// Code points that have come in, those held back left out.
    read: usize,
    /// First code point of each marker in the text as it came in, and its length.
    cut: Vec<(usize, usize)>,
}

const OPENING: char = '【';
const CLOSING: char = '】';
/// What tells a marker from other text in such brackets.
const DAGGER: char = '†';
/// Longest marker; what is longer is text.
const MAX_CHARACTERS: usize = 200;

impl MarkerStripper {
    /// The next piece without markers; the beginning of a marker is held back until its end.
    pub(super) fn strip(&mut self, piece: String) -> String {
        if self.held.is_empty() && !piece.contains(OPENING) {
            self.read += piece.chars().count();
            return piece;
        }
        let mut text = String::with_capacity(piece.len());
        for character in piece.chars() {
            match character {
                OPENING => {
                    self.release(&mut text);
                    self.held.push(OPENING);
                }
                _ if self.held.is_empty() => {
                    self.read += 1;
                    text.push(character);
                }
                CLOSING if self.held.contains(DAGGER) => {
                    let length = self.held.chars().count() + 1;
                    self.cut.push((self.read, length));
                    self.read += length;
                    self.held.clear();
                }
                _ => {
                    self.held.push(character);
                    let is_text = matches!(character, CLOSING | '\n')
                        || MAX_CHARACTERS <= self.held.chars().count();
                    if is_text {
                        self.release(&mut text);
                    }
                }
            }
        }
        text
    }

    /// What is still held back: no marker after all.
    pub(super) fn rest(&mut self) -> String {
        let mut text = String::new();
        self.release(&mut text);
        text
    }

    /// Where a code point of the original text is now; one within a marker is where the marker was.
    pub(super) fn place(&self, index: usize) -> usize {
        let before = self.cut.iter().take_while(|(start, _)| *start < index);
        index
            - before
                .map(|(start, length)| (*length).min(index - start))
                .sum::<usize>()
    }

    fn release(&mut self, text: &mut String) {
        self.read += self.held.chars().count();
        text.push_str(&self.held);
        self.held.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stripped(pieces: &[&str]) -> (String, MarkerStripper) {
        let mut stripper = MarkerStripper::default();
        let mut text: String = pieces
            .iter()
            .map(|piece| stripper.strip((*piece).to_owned()))
            .collect();
        text.push_str(&stripper.rest());
        (text, stripper)
    }

    #[test]
    fn markers_are_cut_and_other_brackets_are_not() {
        let rows = [
            ("π is 3【4:0†source】.", "π is 3."),
            ("a【1†x】【2†y】b", "ab"),
            ("【関数】 and 【unfinished", "【関数】 and 【unfinished"),
            ("【two\nlines†x】", "【two\nlines†x】"),
            ("【【4:0†source】", "【"),
        ];
        for (text, expected) in rows {
            assert_eq!(stripped(&[text]).0, expected);
        }
        let long = format!("【{}†】", "x".repeat(300));
        assert_eq!(stripped(&[&long]).0, long);
    }

    #[test]
    fn places_are_those_of_the_text_that_is_left() {
        let (text, stripper) = stripped(&["π【4:0†a】 is 3【4:1†b】."]);
        assert_eq!(text, "π is 3.");
        let places: Vec<_> = [0, 1, 4, 8, 9, 13, 20, 21]
            .map(|index| stripper.place(index))
            .into();
        assert_eq!(places, [0, 1, 1, 1, 2, 6, 6, 7]);
    }

    proptest! {
        /// However the text is cut into pieces, the same is left of it, and places agree.
        #[test]
        fn pieces_make_no_difference(characters in prop::collection::vec(prop::sample::select("a【†】\nπ".chars().collect::<Vec<_>>()), 0..40), at in 0_usize..40) {
            let whole: String = characters.iter().collect();
            let (first, second): (String, String) = (
                characters.iter().take(at).collect(),
                characters.iter().skip(at).collect(),
            );
            let (expected, by_whole) = stripped(&[&whole]);
            let (text, by_pieces) = stripped(&[&first, &second]);
            prop_assert_eq!(&text, &expected);
            let single: Vec<String> = characters.iter().map(char::to_string).collect();
            let single: Vec<&str> = single.iter().map(String::as_str).collect();
            prop_assert_eq!(&stripped(&single).0, &expected);
            for index in 0..=characters.len() {
                prop_assert_eq!(by_whole.place(index), by_pieces.place(index));
            }
            prop_assert_eq!(by_whole.place(characters.len()), expected.chars().count());
        }
    }
}
