//! foundry-gateway
fn main() {}
