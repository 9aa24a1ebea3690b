//! Ids for requests and answers.

/// `prefix` and 28 random letters and digits.
pub(crate) fn random_id(prefix: &str) -> String {
    let mut id = String::with_capacity(prefix.len() + 28);
    id.push_str(prefix);
    id.extend(random_letters(28));
    id
}

/// So many random letters and digits.
pub(crate) fn random_letters(count: usize) -> impl Iterator<Item = char> {
    std::iter::repeat_with(fastrand::alphanumeric).take(count)
}
