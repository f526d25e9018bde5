//! Which lines of a story are told: all that is strong, and of the rest what there is room for.

use broker_model::types::Instant;
use reports::story::{Moment, MomentKind, Story};

use super::stage::{Beat, Stage, Weight};
use super::verdict;

/// So many lines at most, where fewer tell it.
const LINES_MAX: usize = 30;
/// Lines behind the last violation that are told.
const AFTERWARDS: usize = 2;

/// The story that these lines make.
pub(super) fn story(stage: &Stage<'_>, beats: Vec<Beat>, load_from: Option<u64>) -> Story {
    let count = beats.len();
    let from = Instant(load_from.unwrap_or(0));
    let mut beats = within(beats, from);
    without_repetition(&mut beats);
    while beats.len() > LINES_MAX {
        let Some(place) = least(&beats) else { break };
        beats.remove(place);
    }
    let left_out = count - beats.len();
    let seconds = |at: Instant| (at.0 / 1_000) as f64 / 1e6;
    let into_load =
        |at: Instant| load_from.map(|from| (at.0 as f64 - from as f64).div_euclid(1e3) / 1e6);
    let moments = beats.into_iter().map(|beat| Moment {
        at_s: seconds(beat.at),
        load_s: into_load(beat.at),
        kind: beat.kind,
        text: beat.text,
    });
    Story { about: verdict::about(stage), moments: moments.collect(), left_out }
}

fn is_loud(beat: &Beat) -> bool {
    matches!(beat.kind, MomentKind::Parting | MomentKind::Violation)
}

/// Without what came long before, and after all was said.
fn within(beats: Vec<Beat>, load_from: Instant) -> Vec<Beat> {
    let last = beats.iter().rposition(is_loud).unwrap_or(0);
    let parted = beats.iter().position(|beat| beat.kind == MomentKind::Parting).unwrap_or(last);
    let mut after = 0;
    let kept = beats.into_iter().enumerate().filter(|(place, beat)| {
        if beat.at < load_from && beat.weight < Weight::Plain {
            return false;
        }
        if is_loud(beat) || *place <= parted {
            return true;
        }
        // What follows is aftermath.
        let told = beat.weight >= Weight::Strong
            && beat.kind != MomentKind::Fault
            && beat.kind != MomentKind::State;
        if told && *place > last {
            after += 1;
        }
        told && after <= AFTERWARDS
    });
    kept.map(|(_, beat)| beat).collect()
}

/// Of lines that say the same, one after the other or not far from each other, the first is enough.
fn without_repetition(beats: &mut Vec<Beat>) {
    let mut place = 1;
    while place < beats.len() {
        let from = place.saturating_sub(3);
        let same = beats[from..place].iter().any(|before| before.text == beats[place].text);
        if same {
            beats.remove(place);
        } else {
            place += 1;
        }
    }
}

/// The lightest line, and of these the one farthest from where truth and belief part.
fn least(beats: &[Beat]) -> Option<usize> {
    let parted = beats.iter().position(|beat| beat.kind == MomentKind::Parting).unwrap_or(0);
    let light = beats.iter().enumerate().filter(|(_, beat)| beat.weight < Weight::Loud);
    let key = |place: usize, beat: &Beat| (beat.weight, usize::MAX - place.abs_diff(parted));
    light.min_by_key(|(place, beat)| key(*place, beat)).map(|(place, _)| place)
}
