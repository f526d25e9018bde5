//! Files that the command line writes: whole or not at all, also when a disk is full, when the
//! process is killed, or when another process writes into the same folder.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// Left-overs of killed processes that are passed over for a name.
const NAMES_MAX: u32 = 1_000;

/// A file on its way: beside its place under a name of its own, and gone again unless it was
/// moved to its place.
#[derive(Debug)]
pub(super) struct Part {
    folder: PathBuf,
    path: PathBuf,
    file: File,
    moved: bool,
}

impl Part {
    /// A part of this very name (`.NAME.part`).
    ///
    /// # Errors
    /// `AlreadyExists` if somebody has it; whatever the file system says.
    pub(super) fn named(folder: &Path, name: &str) -> io::Result<Self> {
        let path = folder.join(format!(".{name}.part"));
        let file = File::options().write(true).create_new(true).open(&path)?;
        Ok(Self { folder: folder.to_owned(), path, file, moved: false })
    }

    /// A part that nobody else has.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub(super) fn unique(folder: &Path, name: &str) -> io::Result<Self> {
        let taken = |made: &io::Result<Self>| {
            made.as_ref().is_err_and(|error| error.kind() == ErrorKind::AlreadyExists)
        };
        let mut made = Self::named(folder, name);
        for number in 1..NAMES_MAX {
            if !taken(&made) {
                break;
            }
            made = Self::named(folder, &format!("{name}.{number}"));
        }
        made
    }

    /// Writes all of it, to the disk: some file systems find out only then that it is full.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub(super) fn fill(&mut self, text: &str) -> io::Result<()> {
        self.file.write_all(text.as_bytes())?;
        self.file.sync_all()
    }

    /// Puts it in its place, over what is there.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub(super) fn replace(mut self, name: &str) -> io::Result<()> {
        fs::rename(&self.path, self.folder.join(name))?;
        self.moved = true;
        Ok(())
    }

    /// Puts it in its place, where nothing is.
    ///
    /// # Errors
    /// `AlreadyExists` if something is there; whatever the file system says.
    pub(super) fn create(self, name: &str) -> io::Result<()> {
        let place = self.folder.join(name);
        match fs::hard_link(&self.path, &place) {
            // A file system without links. Who holds the part is alone with its name.
            Err(error) if error.kind() != ErrorKind::AlreadyExists && !place.exists() => {
                self.replace(name)
            }
            linked => linked,
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.moved {
            // Nobody can be told, and nobody reads a part.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::scratch::Scratch;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("it is there");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("listed").file_name();
        let mut names: Vec<String> =
            entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_given_up_leaves_nothing() {
        let folder = Scratch::new("part-given-up");
        let mut part = Part::unique(&folder, "a.txt").expect("made");
        part.fill("half of").expect("written");
        assert_eq!(names(&folder), [".a.txt.part"]);
        drop(part);
        assert!(names(&folder).is_empty());
    }

    #[test]
    fn two_writers_do_not_meet() {
        let folder = Scratch::new("part-two");
        let mut one = Part::unique(&folder, "a.txt").expect("made");
        let mut two = Part::unique(&folder, "a.txt").expect("made");
        one.fill("one").expect("written");
        two.fill("two").expect("written");
        one.replace("a.txt").expect("moved");
        assert_eq!(fs::read_to_string(folder.join("a.txt")).expect("there"), "one");
        two.replace("a.txt").expect("moved");
        assert_eq!(fs::read_to_string(folder.join("a.txt")).expect("there"), "two");
        assert_eq!(names(&folder), ["a.txt"]);
    }

    #[test]
    fn what_is_there_is_not_written_over() {
        let folder = Scratch::new("part-there");
        fs::write(folder.join("a.txt"), "old").expect("written");
        let mut part = Part::unique(&folder, "a.txt").expect("made");
        part.fill("new").expect("written");
        let error = part.create("a.txt").expect_err("it is there");
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(folder.join("a.txt")).expect("there"), "old");
        assert_eq!(names(&folder), ["a.txt"]);
    }
}
