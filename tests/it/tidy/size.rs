//! Files stay small enough to be read in one go.

use super::{assert_none, sources};

/// Lines of code before the tests of a file begin.
const CODE_MAX: usize = 500;
/// Lines of a file of tests.
const TEST_MAX: usize = 600;

#[test]
fn files_are_short() {
    let mut long = Vec::new();
    for source in sources().iter().filter(|source| source.is_rust()) {
        let bound = if source.is_test() { TEST_MAX } else { CODE_MAX };
        let lines = source.code().count();
        if lines > bound {
            long.push(format!("{}: {lines} lines, at most {bound}", source.path));
        }
    }
    assert_none("split these by noun", &long);
}
