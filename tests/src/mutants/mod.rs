//! Mutants: mistakes of one line in the models, and whether search with its stock checks finds
//! them (`docs/mutants.md`).

mod hunt;
mod list;
mod record;
mod table;
mod tree;

use std::path::{Path, PathBuf};

pub use hunt::{Found, Hunt, Hunter};
pub use list::{Mutant, all, mutated};
pub use record::{FULL, Record, add, read};
pub use table::write;
pub use tree::build;

/// The repository.
///
/// # Panics
/// Never: this package is in a folder of the repository.
#[must_use]
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the package is in a folder of the repository").to_path_buf()
}
