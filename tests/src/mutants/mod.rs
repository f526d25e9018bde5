//! Mutants: mistakes of one line in the models, and whether search with its stock checks finds
//! them (`docs/mutants.md`).

mod hunt;
mod list;
mod record;
mod table;
mod tree;

pub use hunt::{Found, Hunt, Hunter};
pub use list::{Mutant, all, mutated};
pub use record::{FULL, Record, add, read};
pub use table::write;
pub use tree::build;
