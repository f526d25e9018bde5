//! The assize command line.
fn main() {}
