//! Finds the places a question names: "weather in Paris and New York" names two.

const BEFORE_A_PLACE: [&str; 4] = ["in", "for", "at", "of"];
const NOT_A_PLACE: [&str; 10] = [
    "the", "a", "an", "my", "your", "this", "that", "general", "it", "me",
];

/// The places in the order they are named; empty when none is.
pub(super) fn places(question: &str) -> Vec<String> {
    let words: Vec<&str> = question.split_whitespace().collect();
    let places = words
        .iter()
        .enumerate()
        .filter(|(_, word)| is_preposition(word))
        .map(|(place, _)| listed(words.get(place + 1..).unwrap_or_default()))
        .find(|places| !places.is_empty());
    places.unwrap_or_default()
}

/// The places at the start of `words`, up to the first word that cannot belong to the list.
fn listed(words: &[&str]) -> Vec<String> {
    let mut places: Vec<String> = Vec::new();
    let mut current: Vec<&str> = Vec::new();
    let mut joined_by_and = false;
    for word in words {
        let bare = word.trim_matches(|letter: char| !letter.is_alphanumeric());
        if bare.eq_ignore_ascii_case("and") || bare.eq_ignore_ascii_case("or") || *word == "&" {
            if places.is_empty() && current.is_empty() {
                break;
            }
            flush(&mut places, &mut current);
            joined_by_and = true;
            continue;
        }
        // "in Paris and in Oslo"
        if current.is_empty() && !places.is_empty() && is_preposition(bare) {
            continue;
        }
        let capitalised = bare.chars().next().is_some_and(char::is_uppercase);
        let first = places.is_empty() && current.is_empty();
        // A question typed in lower case still names its place right after the preposition.
        let lower_case_place =
            first && !bare.is_empty() && !NOT_A_PLACE.contains(&bare.to_ascii_lowercase().as_str());
        if !capitalised && !lower_case_place {
            break;
        }
        current.push(bare);
        if word.ends_with(',') {
            flush(&mut places, &mut current);
        } else if !word.ends_with(bare) || !capitalised {
            break;
        }
    }
    flush(&mut places, &mut current);
    // "Paris, France" is one place, "Paris, Rome and Oslo" are three.
    if !joined_by_and && places.len() == 2 {
        return vec![places.join(", ")];
    }
    places
}

fn is_preposition(word: &str) -> bool {
    BEFORE_A_PLACE.contains(&word.to_ascii_lowercase().as_str())
}

fn flush(places: &mut Vec<String>, current: &mut Vec<&str>) {
    if !current.is_empty() {
        places.push(current.join(" "));
        current.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_after_a_preposition() {
        let cases: [(&str, &[&str]); 8] = [
            ("What's the weather in Seattle?", &["Seattle"]),
            ("weather in New York today", &["New York"]),
            (
                "Weather in Paris, Rome and San Francisco, please",
                &["Paris", "Rome", "San Francisco"],
            ),
            (
                "Compare the weather for Paris and Rome.",
                &["Paris", "Rome"],
            ),
            ("weather in Paris, France?", &["Paris, France"]),
            (
                "What is the weather in Paris and in Oslo?",
                &["Paris", "Oslo"],
            ),
            ("weather in paris", &["paris"]),
            ("How is the weather?", &[]),
        ];
        for (question, expected) in cases {
            assert_eq!(places(question), expected, "{question}");
        }
    }
}
