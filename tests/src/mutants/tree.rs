//! A copy of the sources in which every mutant can be switched on, and its program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Mutant;

/// What the copy is made of.
const FOLDERS: [&str; 5] = [".cargo", "broker-model", "scenarios", "sim", "reports"];
/// Which mutant is on. The product has nothing of the kind.
const SWITCH: &str = "
/// Which mutant is on.
#[allow(missing_docs)]
pub mod mutant {
    use core::sync::atomic::{AtomicUsize, Ordering};
    static ON: AtomicUsize = AtomicUsize::new(usize::MAX);
    pub fn set(number: usize) { ON.store(number, Ordering::Relaxed); }
    pub fn is(number: usize) -> bool { ON.load(Ordering::Relaxed) == number }
}
";
/// The variable that says which.
pub(super) const VARIABLE: &str = "ASSIZE_MUTANT";
const PROGRAM: &str = "assize-mutated";

/// Builds the program with all mutants, and says where it is. What it shares with the product's
/// build is not built again.
///
/// # Errors
/// When a mutant has no place, a file cannot be copied or the copy does not build.
pub fn build(root: &Path, mutants: &[Mutant]) -> Result<PathBuf, String> {
    let tree = root.join("target/mutants/tree");
    for folder in FOLDERS {
        copy(root, &tree, Path::new(folder), mutants)?;
    }
    for file in ["Cargo.toml", "Cargo.lock"] {
        copy(root, &tree, Path::new(file), mutants)?;
    }
    let target = root.join("target");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--release", "--quiet", "-p", "assize", "--bin", PROGRAM])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(&tree)
        .status();
    match built {
        Ok(status) if status.success() => Ok(target.join("release").join(PROGRAM)),
        Ok(_) => Err("the mutants do not build: the comment in the line says which".to_owned()),
        Err(error) => Err(format!("cargo cannot be started: {error}")),
    }
}

fn copy(root: &Path, tree: &Path, path: &Path, mutants: &[Mutant]) -> Result<(), String> {
    let (from, to) = (root.join(path), tree.join(path));
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    if from.is_dir() {
        std::fs::create_dir_all(&to).map_err(told)?;
        for entry in std::fs::read_dir(&from).map_err(told)? {
            copy(root, tree, &path.join(entry.map_err(told)?.file_name()), mutants)?;
        }
        return Ok(());
    }
    let bytes = std::fs::read(&from).map_err(told)?;
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => changed(&path.display().to_string(), text, mutants)?.into_bytes(),
        Err(binary) => binary.into_bytes(),
    };
    // What stays as it is is not built again.
    if std::fs::read(&to).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    std::fs::create_dir_all(to.parent().unwrap_or(tree)).map_err(told)?;
    std::fs::write(&to, bytes).map_err(told)
}

/// A file as the copy has it.
fn changed(path: &str, text: String, mutants: &[Mutant]) -> Result<String, String> {
    let edits = BTreeMap::from([
        ("Cargo.toml", (", \"tests\"", String::new())),
        (
            "sim/Cargo.toml",
            ("[[bin]]\nname = \"assize\"", format!("[[bin]]\nname = \"{PROGRAM}\"")),
        ),
        (
            "sim/src/main.rs",
            (
                "fn main() -> ExitCode {\n",
                format!(
                    "fn main() -> ExitCode {{\n    if let Ok(number) = std::env::var(\"{VARIABLE}\") \
                     {{ broker_model::mutant::set(number.parse().expect(\"a number\")); }}\n"
                ),
            ),
        ),
        (
            "sim/src/lib.rs",
            ("pub mod cli;\n", "use broker_model::mutant;\npub mod cli;\n".to_owned()),
        ),
        (
            "broker-model/src/lib.rs",
            ("extern crate alloc;\n", format!("extern crate alloc;\n{SWITCH}")),
        ),
    ]);
    if let Some((before, after)) = edits.get(path) {
        if !text.contains(before) {
            return Err(format!("{path}: it should have: {before}"));
        }
        return Ok(text.replacen(before, after, 1));
    }
    let here: Vec<(usize, &Mutant)> =
        mutants.iter().enumerate().filter(|(_, mutant)| mutant.file == path).collect();
    if here.is_empty() { Ok(text) } else { super::mutated(&text, &here) }
}
