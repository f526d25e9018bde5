//! Folders of tests.

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};

/// An empty folder among the temporary ones, gone when its test ends.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// A folder of this process; each test has a name of its own.
    pub(super) fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("assize-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a scratch folder can be made");
        Self(folder)
    }
}

impl Deref for Scratch {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
