//! Pieces of text: the emulator's tokens, for streaming and for counting.

/// Cuts text into the pieces in which it is streamed and counted: a word or a run of punctuation with the white space
/// before it. Joined, they give the text again.
pub(crate) fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, remainder) = rest.split_at(piece_length(rest));
        pieces.push(piece);
        rest = remainder;
    }
    pieces
}

/// How many pieces a text has.
pub(crate) fn count(text: &str) -> usize {
    let mut rest = text;
    let mut count = 0;
    while !rest.is_empty() {
        rest = rest.get(piece_length(rest)..).unwrap_or_default();
        count += 1;
    }
    count
}

fn piece_length(text: &str) -> usize {
    let body = text.trim_start();
    let white = text.len() - body.len();
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let length = match body.chars().next() {
        None => 0,
        Some(first) if is_word(first) => body.find(|letter| !is_word(letter)).unwrap_or(body.len()),
        Some(_) => body
            .find(|letter: char| is_word(letter) || letter.is_whitespace())
            .unwrap_or(body.len()),
    };
    white + length
}

/// The text with exactly this many words: cut, or padded with counted filler words.
pub(super) fn resize(text: &str, words: usize) -> String {
    let mut kept: Vec<String> = text
        .split_whitespace()
        .take(words)
        .map(str::to_owned)
        .collect();
    for number in kept.len()..words {
        kept.push(format!("word{}", number + 1));
    }
    kept.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_words_with_the_space_before_them() {
        let text = "The capital of France is Paris.";
        let expected = ["The", " capital", " of", " France", " is", " Paris", "."];
        assert_eq!(pieces(text), expected);
        assert_eq!(count(text), expected.len());
    }

    #[test]
    fn pieces_join_to_the_text() {
        for text in [
            "",
            "  ",
            "π ≈ 3.14 【3:0†source】\n\n",
            "a,b ,c",
            "\u{1f604}",
        ] {
            assert_eq!(pieces(text).concat(), text);
            assert_eq!(pieces(text).len(), count(text));
        }
    }

    #[test]
    fn an_answer_is_resized_to_the_word() {
        assert_eq!(resize("one two three", 2), "one two");
        assert_eq!(resize("one", 3), "one word2 word3");
        assert_eq!(resize("one", 0), "");
    }
}
