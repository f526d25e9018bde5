//! What happened in a run that failed, as far as it can be told.

use super::scene::Scene;
use crate::run::Run;
use crate::story::{self, EVENTS_MAX, Told};
use reports::checker::Violation;
use reports::number::grouped;

/// Adds the story of a run to its summary, or why it has none. The run is done a second time.
pub(super) fn tell(run: &mut Run, scene: &Scene, seed: u64) {
    tell_of(run, scene, seed, &|_| false);
}

/// The same of what is wanted, if the run shows it.
pub(super) fn tell_of(
    run: &mut Run,
    scene: &Scene,
    seed: u64,
    wanted: &dyn Fn(&Violation) -> bool,
) {
    match story::of(run, wanted) {
        Told::Story(story) => run.summary.story = Some(*story),
        Told::NothingWrong => {}
        Told::TooLong { events } => {
            let (events, most) = (grouped(events), grouped(EVENTS_MAX));
            run.summary.untold = Some(format!(
                "{events} events are more than a person can follow ({most} are told at most); make \
                 the run smaller first: assize shrink {}",
                scene.token(seed)
            ));
        }
    }
}
