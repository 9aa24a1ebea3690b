//! functions-host
fn main() {}
