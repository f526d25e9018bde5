//! `assize check`: reads and judges files, runs nothing.

use std::path::Path;

use super::args::CheckArgs;
use super::console::Console;
use super::exit::{Exit, Failure};
use super::scene::Scene;
use crate::plan::Plan;

pub(super) fn command(args: &CheckArgs, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let mut exit = Exit::Expected;
    for file in &args.files {
        if is_manifest(file) {
            console.line(&format!("{}: a Cargo manifest, left out", file.display()));
            continue;
        }
        match Scene::load(file, &args.set, console) {
            Ok(scene) => {
                if let Err(error) = Plan::new(&scene.scenario, scene.scenario.seed) {
                    console.error(&format!("error: {}: {error}", file.display()));
                    exit = exit.worse(Exit::Scenario);
                    continue;
                }
                scene.warn(console);
                let digest = scene.scenario.digest();
                console.line(&format!("{}: ok, digest {digest:016x}", file.display()));
            }
            Err(failure) => {
                if !failure.text.is_empty() {
                    console.error(&failure.text);
                }
                exit = exit.worse(failure.exit);
            }
        }
    }
    Ok(exit)
}

/// Whether a file is what Cargo keeps beside scenarios; a pattern of a shell picks it up.
fn is_manifest(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == "Cargo.toml")
}
