//! `assize check`: reads and judges files, runs nothing.

use std::path::Path;

use scenarios::warning::Warning;
use serde_json::json;

use super::args::{CheckArgs, Format};
use super::console::Console;
use super::exit::{Exit, Failure};
use super::scene::Scene;
use crate::plan::Plan;
use crate::warning::warnings;

pub(super) fn command(args: &CheckArgs, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let mut exit = Exit::Expected;
    for file in &args.files {
        if is_manifest(file) {
            if args.format == Format::Human {
                console.line(&format!("{}: a Cargo manifest, left out", file.display()));
            }
            continue;
        }
        match Scene::load(file, &args.set, console) {
            Ok(scene) => {
                if let Err(error) = Plan::new(&scene.scenario, scene.scenario.seed) {
                    console.error(&format!("error: {}: {error}", file.display()));
                    exit = exit.worse(Exit::Scenario);
                    tell_wrong(file, args.format, console);
                    continue;
                }
                match args.format {
                    Format::Human => {
                        scene.warn(console);
                        let digest = scene.scenario.digest();
                        console.line(&format!("{}: ok, digest {digest:016x}", file.display()));
                    }
                    Format::Json => console.line(&object(&scene)),
                }
            }
            Err(failure) => {
                if !failure.text.is_empty() {
                    console.error(&failure.text);
                }
                exit = exit.worse(failure.exit);
                tell_wrong(file, args.format, console);
            }
        }
    }
    Ok(exit)
}

/// A good file on one line: its digest and its warnings.
fn object(scene: &Scene) -> String {
    let warning = |one: Warning| {
        let Warning { name, text, source, path } = one;
        json!({ "name": name, "text": text, "source": source, "path": path })
    };
    let all: Vec<_> = warnings(&scene.scenario).into_iter().map(warning).collect();
    json!({
        "file": scene.path.display().to_string(),
        "ok": true,
        "digest": format!("{:016x}", scene.scenario.digest()),
        "warnings": all,
    })
    .to_string()
}

/// A file that is wrong; what is wrong with it is on the standard error.
fn tell_wrong(file: &Path, format: Format, console: &mut Console<'_>) {
    if format == Format::Json {
        console.line(&json!({ "file": file.display().to_string(), "ok": false }).to_string());
    }
}

/// Whether a file is what Cargo keeps beside scenarios; a pattern of a shell picks it up.
fn is_manifest(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == "Cargo.toml")
}
