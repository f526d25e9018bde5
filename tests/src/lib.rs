//! What the integration tests in `it/` share with the tools of this package.

pub mod mutants;
