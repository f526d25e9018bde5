//! Where files are: those of the repository, and those that tests write.

use std::path::{Path, PathBuf};

use assize_tests::root;

/// A scenario that the repository has, by its place in `scenarios/`.
pub(crate) fn shipped(name: &str) -> String {
    let file = root().join("scenarios").join(name);
    file.to_str().expect("the checkout has a plain name").to_owned()
}

/// An empty folder below the target folder. Tests that run at the same time have names of their own.
pub(crate) fn scratch(area: &str, name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(area).join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).expect("it is ours");
    }
    std::fs::create_dir_all(&folder).expect("the target folder is writable");
    folder
}
