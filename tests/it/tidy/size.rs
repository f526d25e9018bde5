//! Files stay small enough to be read in one go.

use super::{assert_none, sources};

/// Lines of code before the tests of a file begin.
const CODE_MAX: usize = 600;
/// Lines of a file of tests.
const TEST_MAX: usize = 800;

/// Longer files, each with its bound and the reason.
const LONGER: &[(&str, usize, &str)] =
    &[("sim/src/world/nodes.rs", 650, "inputs and outputs of a node side by side")];

#[test]
fn files_are_short() {
    let mut long = Vec::new();
    for source in sources().iter().filter(|source| source.is_rust()) {
        let exception = LONGER.iter().find(|(path, ..)| *path == source.path);
        let bound = if source.is_test() { TEST_MAX } else { CODE_MAX };
        let bound = exception.map_or(bound, |(_, bound, _)| *bound);
        let lines = source.code().count();
        if lines > bound {
            long.push(format!("{}: {lines} lines, at most {bound}", source.path));
        }
    }
    assert_none("split these by noun", &long);
}

#[test]
fn exceptions_name_files_that_exist() {
    for (path, _, reason) in LONGER {
        assert!(super::root().join(path).exists(), "{path} is gone: drop it from LONGER");
        assert!(!reason.is_empty());
    }
}
