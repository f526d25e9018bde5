//! A run as a scenario file of its own: what the seed drew is written down, and what came of it
//! is what the file expects.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use scenarios::Scenario;

use super::execute::execute;
use super::exit::{Exit, Failure};
use super::library;
use super::part::Part;
use super::scene::Scene;
use crate::run::{Run, resolved};

/// Notes that a run without trouble does not give.
const TELLING: &[&str] =
    &["broker-fenced", "member-fenced", "producer-fenced", "truncated", "unclean-election"];

/// Finds the folder of regressions, made when it is missing.
pub(super) fn place() -> Result<PathBuf, Failure> {
    let folder = library::folder().unwrap_or_else(|| PathBuf::from("scenarios"));
    let folder = folder.join(library::REGRESSIONS);
    std::fs::create_dir_all(&folder).map_err(|error| {
        let text = format!("error: cannot make {}: {error}", folder.display());
        Failure::new(Exit::Temporary, text)
    })?;
    Ok(folder)
}

/// Writes the run of a scene under a seed. The file is run before it is written: it must
/// give the same run.
pub(super) fn write(scene: &Scene, seed: u64) -> Result<PathBuf, Failure> {
    let never = AtomicBool::new(false);
    let run = execute(scene, seed, &never)?.expect("nobody gives this run up");
    let mut resolved = resolved(&scene.scenario, seed, &run)
        .map_err(|error| Failure::new(Exit::Scenario, format!("error: {error}")))?;
    resolved.name = slug(&resolved.name);
    let text = text_of(scene, seed, &resolved);
    let written = Scenario::parse(&text, &[]).map_err(|errors| {
        let told: String = errors.iter().map(|error| error.render("regression", &text)).collect();
        Failure::new(Exit::Bug, format!("error: a written regression cannot be read:\n{told}"))
    })?;
    let again =
        execute(&scene.with_scenario(written), seed, &never)?.expect("nobody gives this run up");
    if again.summary.digest != run.summary.digest || again.summary.exit != 0 {
        let text = "error: the run with its draws written down is another run; nothing was written";
        return Err(Failure::new(Exit::Bug, text));
    }
    resolved.expect.notes.extend(telling(&again));
    let slug = std::mem::take(&mut resolved.name);
    save_as(&slug, |name| {
        resolved.name = name;
        text_of(scene, seed, &resolved)
    })
}

/// Writes a file into the folder of regressions. It is named by the next number and what it is about,
/// and its scenario, which `make` is told, as the file.
pub(super) fn save_as(
    about: &str,
    make: impl FnOnce(String) -> String,
) -> Result<PathBuf, Failure> {
    let folder = place()?;
    let named = |number: u32| {
        let name = format!("{number:04}-{}", slug(about));
        (format!("{name}.toml"), make(name))
    };
    save(&folder, named).map_err(|error| {
        let text = format!("error: cannot write a regression into {}: {error}", folder.display());
        Failure::new(Exit::Temporary, text)
    })
}

/// Writes a file, made with its name for the next number, which no other process takes meanwhile.
fn save(folder: &Path, make: impl FnOnce(u32) -> (String, String)) -> io::Result<PathBuf> {
    let mut number = next_number(folder);
    let mut part = loop {
        match Part::named(folder, &format!("{number:04}")) {
            // Who was faster may have finished before this part was made.
            Ok(part) if next_number(folder) <= number => break part,
            Ok(_) => number = next_number(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    };
    let (name, text) = make(number);
    part.fill(&text)?;
    part.create(&name)?;
    Ok(folder.join(name))
}

/// What happened in a run and does not happen in a quiet one.
fn telling(run: &Run) -> impl Iterator<Item = String> + '_ {
    let happened = |name: &&&str| run.world.has_heard(name);
    TELLING.iter().filter(happened).map(|name| (*name).to_owned())
}

fn text_of(scene: &Scene, seed: u64, resolved: &Scenario) -> String {
    let file = scene.path.file_name().unwrap_or_default().to_string_lossy().replace('\n', " ");
    format!(
        "# The run of {file} under seed {seed}, with what the seed drew written down, and what\n\
         # came of it as what is expected.\n\n{}",
        resolved.to_toml()
    )
}

fn next_number(folder: &Path) -> u32 {
    let files = library::files(folder);
    let numbers = files.iter().filter_map(|path| {
        let name = path.file_name()?.to_str()?;
        name.split_once('-')?.0.parse::<u32>().ok()
    });
    numbers.max().map_or(1, |last| last.saturating_add(1))
}

/// A name fit for a file.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for character in name.to_lowercase().chars().take(60) {
        if character.is_ascii_alphanumeric() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "run".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{save, slug};
    use crate::cli::scratch::Scratch;

    #[test]
    fn writers_at_once_take_numbers_of_their_own() {
        let folder = Scratch::new("save");
        std::fs::write(folder.join("0007-old.toml"), "old").expect("written");
        let write = |number: u32| (format!("{number:04}-run.toml"), number.to_string());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        save(&folder, write).expect("written");
                    }
                });
            }
        });
        // Who looks while others write may leave a number out, and takes nobody's.
        let entries = std::fs::read_dir(&*folder).expect("it is there");
        let mut written = 0;
        for entry in entries {
            let path = entry.expect("listed").path();
            let text = std::fs::read_to_string(&path).expect("readable");
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if let Ok(number) = text.parse() {
                assert_eq!(name, write(number).0, "another one wrote over it");
                assert!(number > 7, "{name}");
                written += 1;
            } else {
                assert_eq!((name.as_str(), text.as_str()), ("0007-old.toml", "old"));
            }
        }
        assert_eq!(written, 100);
    }

    #[test]
    fn names_become_file_names() {
        assert_eq!(slug("acks=1, leader crash!"), "acks-1-leader-crash");
        assert_eq!(slug("../ü"), "run");
    }
}
