//! foundry-emulator
fn main() {}
