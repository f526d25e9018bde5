//! `assize meta`: the same scenario and seed give the same run, or the first event that differs
//! is shown.

use std::sync::atomic::AtomicBool;

use serde_json::json;

use super::args::{Format, MetaArgs};
use super::console::{Console, Paint};
use super::execute::{execute, execute_alone, guarded, world};
use super::exit::{Exit, Failure};
use super::scene::Scene;
use crate::run::Run;

/// What two runs must agree on.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Mark {
    digest: String,
    history_digest: String,
    events: u64,
}

pub(super) fn command(args: &MetaArgs, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let mut scenes = Vec::new();
    for file in &args.files {
        scenes.push(Scene::with_flags(file, &args.flags, console)?);
    }
    let mut exit = Exit::Expected;
    for scene in &scenes {
        let own = scene.scenario.seed;
        let (from, to) = match &args.seeds {
            Some(seeds) => (seeds.start, seeds.end - 1),
            None => (own, own),
        };
        for seed in from..=to {
            // Recorded in a thread of its own and within the run: it must not matter.
            let one = mark(&execute_alone(scene, seed)?);
            // In a thread of its own: whatever a thread remembers must not reach a run.
            let two = std::thread::scope(|scope| scope.spawn(|| again(scene, seed)).join());
            let two = two.expect("panics of a run are caught in it")?;
            tell(scene, seed, &one, &two, args.flags.format, console);
            if one != two {
                exit = exit.worse(Exit::NotDeterministic);
                lockstep(scene, seed, console)?;
            }
            if console.is_closed() {
                return Ok(exit);
            }
        }
    }
    Ok(exit)
}

fn again(scene: &Scene, seed: u64) -> Result<Mark, Failure> {
    let never = AtomicBool::new(false);
    Ok(mark(&execute(scene, seed, &never)?.expect("nobody gives this run up")))
}

fn mark(run: &Run) -> Mark {
    let summary = &run.summary;
    let (digest, history_digest) = (summary.digest.clone(), summary.history_digest.clone());
    Mark { digest, history_digest, events: summary.events }
}

fn tell(
    scene: &Scene,
    seed: u64,
    one: &Mark,
    two: &Mark,
    format: Format,
    console: &mut Console<'_>,
) {
    let same = one == two;
    let name = scene.path.display();
    if format == Format::Json {
        let line = json!({
            "scenario": name.to_string(),
            "seed": seed,
            "same": same,
            "digest": one.digest,
            "history_digest": one.history_digest,
            "events": one.events,
        });
        console.line(&line.to_string());
        return;
    }
    let (paint, word) = if same { (Paint::Good, "same") } else { (Paint::Bad, "DIFFERENT") };
    let word = console.paint(paint, word);
    console.line(&format!(
        "{word}  {name}  seed {seed}  trace {}  history {}  {} events",
        one.digest, one.history_digest, one.events
    ));
    if !same {
        console.line(&format!(
            "  second run  trace {}  history {}  {} events",
            two.digest, two.history_digest, two.events
        ));
    }
}

/// Two worlds side by side, up to the first event after which they differ.
fn lockstep(scene: &Scene, seed: u64, console: &mut Console<'_>) -> Result<(), Failure> {
    let text = guarded(scene, seed, || {
        let (mut one, mut two) = (world(scene, seed)?, world(scene, seed)?);
        loop {
            let (left, right) = (one.next_event(), two.next_event());
            let going = (one.step(), two.step());
            if left != right || one.trace() != two.trace() || going.0 != going.1 {
                let shown = |next: Option<(broker_model::types::Instant, String)>| match next {
                    Some((at, event)) => format!("{event} at {:.9} s", at.0 as f64 / 1e9),
                    None => "the end".to_owned(),
                };
                let number = one.trace().events();
                return Ok(format!(
                    "  first difference at event {number}\n    one  {}\n    two  {}",
                    shown(left),
                    shown(right)
                ));
            }
            if !going.0 {
                return Ok(
                    "  side by side in one thread the two runs agree: what differs depends \
                           on the thread or on what ran before"
                        .to_owned(),
                );
            }
        }
    })?;
    console.line(&text);
    Ok(())
}
