//! `assize replay`: the run that a token or a file names.

use super::args::{Flags, Format, ReplayArgs};
use super::console::Console;
use super::execute::{guarded, world};
use super::exit::{Exit, Failure};
use super::folder::Folder;
use super::named::named;
use super::scene::Scene;
use super::{clock::Clock, report, run, story, telling};

pub(super) fn command(args: &ReplayArgs, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let folder = args.out.as_deref().map(Folder::prepare).transpose()?;
    let flags = Flags { driver: args.driver, ..Flags::default() };
    let (scene, seed) = named(&args.what, args.seed, &flags, console)?;
    if args.trace || args.until.is_some() {
        return traced(&scene, seed, args, folder.as_ref(), console);
    }
    run::once(&scene, seed, (args.format, args.story), folder.as_ref(), console)
}

/// Steps through a run, event by event.
fn traced(
    scene: &Scene,
    seed: u64,
    args: &ReplayArgs,
    folder: Option<&Folder>,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let clock = Clock::start();
    let (run, stopped) = guarded(scene, seed, || {
        let mut world = world(scene, seed)?;
        if args.trace {
            world.narrate();
        }
        loop {
            let number = world.trace().events() + 1;
            if args.until.is_some_and(|until| number >= until) || console.is_closed() {
                return Ok((None, Some((number, world.next_event()))));
            }
            let next = if args.trace { world.next_event() } else { None };
            if !world.step() {
                let mut run = crate::run::finish(world, &scene.path, clock.seconds());
                run.summary.replay = scene.command(seed);
                return Ok((Some(run), None));
            }
            if let Some((at, event)) = next {
                let digest = world.trace().digest() as u32;
                let at = at.0 as f64 / 1e9;
                console.line(&format!("{at:>14.9} s  {number:>8}  {event}  [{digest:08x}]"));
                for told in world.take_told() {
                    console.line(&format!("{:>28}- {told}", ""));
                }
            }
        }
    })?;
    let Some(mut run) = run else {
        if let Some((number, Some((at, event)))) = stopped {
            let at = at.0 as f64 / 1e9;
            console.line(&format!("stopped before event {number} at {at:.9} s: {event}"));
        }
        return Ok(Exit::Expected);
    };
    if let Some(folder) = folder {
        story::tell(&mut run, scene, seed);
        report::write(scene, &run, folder)?;
    }
    match args.format {
        Format::Json => console.line(&run.summary.to_json_line()),
        Format::Human => telling::tell(scene, &run, folder, console),
    }
    Ok(Exit::of_run(run.summary.exit))
}
