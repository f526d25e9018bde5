//! `assize sweep`: many seeds, several at a time, told in order of files and seeds whatever the
//! number of threads.

mod asked;
mod atlas;
mod guide;
mod record;
mod records;
mod resume;
mod tally;
mod telling;
mod under_way;

use std::sync::atomic::{AtomicBool, Ordering};

use super::args::{Flags, Format, SweepArgs};
use super::clock::Clock;
use super::console::Console;
use super::execute::execute;
use super::exit::{Exit, Failure};
use super::folder::Folder;
use super::scene::Scene;
use super::threads::listen;
use super::{regression, report, shell, story};
use asked::{Asked, BEYOND_SPEC};
use guide::Guide;
pub(super) use record::{Ended, Record};
use records::Writer;
pub(super) use records::{RECORDS, Records, times_of, write_all};
pub(super) use tally::Tally;
use under_way::Sweep;

pub(super) fn command(args: &SweepArgs, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let past = match &args.resume {
        Some(folder) => resume::past(folder, args)?,
        None => None,
    };
    let args =
        &past.as_ref().map_or_else(|| args.clone(), |past| resume::filled(args, &past.asked));
    let scenes = scenes(args, console)?;
    let asked = Asked::of(args, &scenes)?;
    if let (Some(folder), Some(past)) = (&args.resume, &past) {
        resume::agree(folder, &past.asked, &asked)?;
        resume::verify(folder, past, &scenes)?;
    }
    let folder = args.out.as_deref().or(args.resume.as_deref());
    let folder = folder.map(Folder::prepare).transpose()?;
    let writer = folder.as_ref().map(|folder| match &past {
        Some(past) => Writer::resume(folder.path(), past),
        None => Writer::begin(folder, &asked),
    });
    let mut sweep = Sweep {
        args,
        asked: &asked,
        scenes: &scenes,
        tally: Tally::new(asked.coverage),
        guide: asked.guided.then(|| Guide::new(&asked)),
        writer: writer.transpose()?,
        refused: None,
        clock: Clock::start(),
    };
    if let (Some(folder), Some(past)) = (&args.resume, past) {
        sweep.recall(folder, past.runs, console)?;
    }
    let before = sweep.tally.runs;
    let stop = listen();
    sweep.run(&stop, console)?;
    if let Some(refused) = sweep.refused {
        return Err(refused);
    }
    let interrupted = stop.load(Ordering::Relaxed) && !console.is_closed();
    let mut exit = sweep.tally.exit;
    let rate = (sweep.tally.runs - before) as f64 / sweep.clock.seconds().max(1e-6);
    sweep.tally.tell(Some(rate), interrupted, args.flags.format, console);
    if let Some(first) = &sweep.tally.first {
        let scene = scenes[asked.place(first.run).scene].mutated(&first.mutations);
        // It may be one that cannot be run.
        if let Err(failure) = keep(args, &scene, first.seed, folder.as_ref(), console) {
            console.error(&failure.text);
            exit = exit.worse(failure.exit);
        }
    }
    if let Some(folder) = &folder {
        let place = folder.path().display().to_string();
        let place = shell::quoted(&place);
        if interrupted {
            console.error(&format!("go on with: assize sweep --resume {place}"));
        } else if sweep.tally.failed > 0 && args.flags.format == Format::Human {
            console.line(&format!("each cause made small: assize shrink {place}"));
        }
    }
    Ok(if interrupted { exit.worse(Exit::Interrupted) } else { exit })
}

/// The scenarios with the flags.
fn scenes(args: &SweepArgs, console: &mut Console<'_>) -> Result<Vec<Scene>, Failure> {
    let read = |flags: &Flags, console: &mut Console<'_>| {
        let scenes = args.files.iter().map(|file| Scene::with_flags(file, flags, console));
        scenes.collect::<Result<Vec<_>, _>>()
    };
    let scenes = read(&args.flags, console)?;
    if args.guided {
        need_search("--guided", &scenes)?;
    }
    if !args.beyond_spec {
        return Ok(scenes);
    }
    not_contradicted(args)?;
    need_search("--beyond-spec", &scenes)?;
    read(&Flags { set: asked::set_of(args), ..args.flags.clone() }, console)
}

/// Refuses a flag about what seeds draw where they draw nothing.
fn need_search(flag: &str, scenes: &[Scene]) -> Result<(), Failure> {
    let Some(scene) = scenes.iter().find(|scene| scene.scenario.search.is_none()) else {
        return Ok(());
    };
    let path = scene.path.display();
    let text = format!("error: {flag}: {path} has no [search]: its seeds draw no faults");
    Err(Failure::new(Exit::Usage, text))
}

/// `--beyond-spec` says the same as `--set search.beyond_spec=true`; another value contradicts it.
fn not_contradicted(args: &SweepArgs) -> Result<(), Failure> {
    let denied = |(path, value): &(String, String)| path == BEYOND_SPEC && value != "true";
    if args.flags.set.iter().any(denied) {
        let text = format!("error: --beyond-spec contradicts --set {BEYOND_SPEC}");
        return Err(Failure::new(Exit::Usage, text));
    }
    Ok(())
}

/// Keeps the first run that was not as expected: its report, and itself as a regression.
fn keep(
    args: &SweepArgs,
    scene: &Scene,
    seed: u64,
    folder: Option<&Folder>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    if let Some(folder) = folder {
        let again = execute(scene, seed, &AtomicBool::new(false))?;
        let mut again = again.expect("nobody gives this run up");
        story::tell(&mut again, scene, seed);
        report::write(scene, &again, folder)?;
        if args.flags.format == Format::Human {
            console.line("");
            let report = folder.path().join("report.html");
            console.line(&format!("report of seed {seed}: {}", report.display()));
        }
    }
    if args.write_regression {
        let path = regression::write(scene, seed)?;
        console.error(&format!("regression: {}", path.display()));
    }
    Ok(())
}
