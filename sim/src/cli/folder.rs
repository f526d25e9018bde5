//! The folder for a report: tried before the run, filled after it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};

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
        let probe = path.join(".assize-can-write");
        std::fs::write(&probe, b"").map_err(|error| refused(path, "write into it", &error))?;
        std::fs::remove_file(&probe).map_err(|error| refused(path, "write into it", &error))?;
        Ok(Self(path.to_owned()))
    }

    /// The folder.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file: beside its place first, so that nobody finds half of it.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        let (beside, place) = (self.0.join(format!(".{name}.part")), self.0.join(name));
        std::fs::write(&beside, text)
            .and_then(|()| std::fs::rename(&beside, &place))
            .map_err(|error| refused(&place, "write it", &error))
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
