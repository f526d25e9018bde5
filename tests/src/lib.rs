//! What the integration tests in `it/` share with the tools of this package.

pub mod mutants;

use std::path::{Path, PathBuf};

/// The repository.
///
/// # Panics
/// Never: this package is in a folder of the repository.
#[must_use]
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the package is in a folder of the repository").to_path_buf()
}
