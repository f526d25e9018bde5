//! The folder for a report: tried before the run, filled after it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};
use super::part::Part;

/// A folder that could be written to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes the folder and tries to write into it, so that a long run is not for nothing.
    pub(super) fn prepare(path: &Path) -> Result<Self, Failure> {
        if path.exists() && !path.is_dir() {
            let text = format!("error: --out {}: it is a file, not a folder", path.display());
            return Err(Failure::new(Exit::Usage, text));
        }
        std::fs::create_dir_all(path).map_err(|error| refused(path, "make the folder", &error))?;
        Part::unique(path, "assize-can-write")
            .map_err(|error| refused(path, "write into it", &error))?;
        Ok(Self(path.to_owned()))
    }

    /// The folder.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file: beside its place first, so that nobody finds half of it.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        let written = Part::unique(&self.0, name).and_then(|mut part| {
            part.fill(text)?;
            part.replace(name)
        });
        written.map_err(|error| refused(&self.0.join(name), "write it", &error))
    }
}

fn refused(path: &Path, what: &str, error: &std::io::Error) -> Failure {
    let exit = match error.kind() {
        ErrorKind::PermissionDenied
        | ErrorKind::NotADirectory
        | ErrorKind::InvalidInput
        | ErrorKind::ReadOnlyFilesystem
        | ErrorKind::AlreadyExists => Exit::Usage,
        _ => Exit::Temporary,
    };
    Failure::new(exit, format!("error: --out {}: cannot {what}: {error}", path.display()))
}
