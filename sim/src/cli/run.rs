//! `assize run`: one run, told.

use super::args::{Format, RunArgs};
use super::console::Console;
use super::execute::{execute_alone, guarded};
use super::exit::{Exit, Failure};
use super::folder::Folder;
use super::scene::Scene;
use super::{regression, report, story, telling};

pub(super) fn command(args: &RunArgs, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let folder = args.out.as_deref().map(Folder::prepare).transpose()?;
    let scene = Scene::with_flags(&args.file, &args.flags, console)?;
    scene.warn(console);
    if args.write_regression {
        regression::place()?;
    }
    let seed = args.seed.unwrap_or(scene.scenario.seed);
    let exit = once(&scene, seed, (args.flags.format, args.story), folder.as_ref(), console)?;
    if args.write_regression {
        let path = regression::write(&scene, seed)?;
        let text = format!("regression: {}", path.display());
        match args.flags.format {
            Format::Human => console.line(&text),
            Format::Json => console.error(&text),
        }
    }
    Ok(exit)
}

/// Runs a scene to its end, tells it, and writes its report.
pub(super) fn once(
    scene: &Scene,
    seed: u64,
    (format, wants_story): (Format, bool),
    folder: Option<&Folder>,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let mut run = execute_alone(scene, seed)?;
    if wants_story || folder.is_some() {
        guarded(scene, seed, || {
            story::tell(&mut run, scene, seed);
            Ok(())
        })?;
    }
    if let Some(folder) = folder {
        report::write(scene, &run, folder)?;
    }
    match format {
        Format::Json => console.line(&run.summary.to_json_line()),
        Format::Human => telling::tell(scene, &run, folder, console),
    }
    Ok(Exit::of_run(run.summary.exit))
}
