//! Which lines of a story are told: all that is strong, and of the rest what there is room for.

use broker_model::types::Instant;
use reports::story::{Line, Moment, MomentKind, Story};

use super::picture::{self, Window};
use super::stage::{Beat, Stage, Weight};
use super::verdict;

/// So many lines at most, where fewer tell it.
const LINES_MAX: usize = 30;
/// With so many lines, none is needed that only makes it easier to follow.
const ENOUGH: usize = 18;
/// Lines behind the last violation that are told.
const AFTERWARDS: usize = 2;

/// The story that these lines make.
pub(super) fn story(stage: &Stage<'_>, beats: Vec<Beat>, load_from: Option<u64>) -> Story {
    let count = beats.len();
    let end = stage.world.now();
    let mut beats = within(beats, stage.from, end);
    without_repetition(&mut beats);
    thin(&mut beats);
    let left_out = count - beats.len();
    let picture = picture::picture(stage, &window(stage, &beats), lines(&beats), load_from);
    let seconds = |at: Instant| (at.0 / 1_000) as f64 / 1e6;
    let into_load =
        |at: Instant| load_from.map(|from| (at.0 as f64 - from as f64).div_euclid(1e3) / 1e6);
    let moments = beats.into_iter().map(|beat| Moment {
        at_s: seconds(beat.at),
        load_s: into_load(beat.at),
        kind: beat.kind,
        text: beat.text,
    });
    Story { about: verdict::about(stage), moments: moments.collect(), left_out, picture }
}

/// The part of the run that is drawn: from the first moment since its begin to the last violation
/// that is an event.
fn window(stage: &Stage<'_>, beats: &[Beat]) -> Window {
    let end = stage.world.now();
    let told = || beats.iter().filter(|beat| beat.at >= stage.from);
    let from = told().map(|beat| beat.at).min().unwrap_or(stage.from);
    let last = told().filter(|beat| beat.at < end).map(|beat| beat.at).max();
    let parted = beats.iter().find(|beat| beat.kind == MomentKind::Parting);
    let parted = parted.map_or(end, |beat| beat.at);
    let until = last.unwrap_or(end).max(parted);
    Window { from, until, moments: told().map(|beat| beat.at).collect(), parted }
}

/// What is drawn across all lanes.
fn lines(beats: &[Beat]) -> Vec<Line> {
    let verdicts = beats.iter().filter(|beat| is_verdict(beat));
    let lines = verdicts.map(|beat| {
        let parting = beat.kind == MomentKind::Parting;
        let label = beat.text.split(": ").next().unwrap_or_default().to_owned();
        Line { at: beat.at.0, parting, label }
    });
    lines.collect()
}

/// When truth and belief part, or something was violated, for the first time.
pub(super) fn first_verdict(beats: &[Beat]) -> Option<Instant> {
    beats.iter().find(|beat| is_verdict(beat)).map(|beat| beat.at)
}

/// Whether it says where truth and belief part, or what was violated.
fn is_verdict(beat: &Beat) -> bool {
    matches!(beat.kind, MomentKind::Parting | MomentKind::Violation)
}

/// Without what came long before, and after all was said.
fn within(beats: Vec<Beat>, from: Instant, end: Instant) -> Vec<Beat> {
    // What is judged at the end is no event.
    let last =
        beats.iter().rposition(|beat| is_verdict(beat) && beat.at < end).unwrap_or(beats.len());
    let parted = beats.iter().position(|beat| beat.kind == MomentKind::Parting).unwrap_or(last);
    let mut after = 0;
    let kept = beats.into_iter().enumerate().filter(|(place, beat)| {
        if beat.at < from && !is_told_before(beat) {
            return false;
        }
        if is_verdict(beat) || *place <= parted {
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

/// Of what was before, a reader wants to know who leads and who owns what.
fn is_told_before(beat: &Beat) -> bool {
    beat.weight >= Weight::Plain && matches!(beat.kind, MomentKind::Leader | MomentKind::Group)
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

/// Leaves out what is faint where enough is told without it, and the lightest while there is no room.
fn thin(beats: &mut Vec<Beat>) {
    while beats.len() > ENOUGH
        && let Some(place) = least(beats).filter(|place| beats[*place].weight == Weight::Faint)
    {
        beats.remove(place);
    }
    while beats.len() > LINES_MAX {
        let Some(place) = least(beats) else { break };
        beats.remove(place);
    }
}

/// The lightest line, and of these the one farthest from where truth and belief part.
fn least(beats: &[Beat]) -> Option<usize> {
    let parted = beats.iter().position(|beat| beat.kind == MomentKind::Parting).unwrap_or(0);
    let light = beats.iter().enumerate().filter(|(_, beat)| beat.weight < Weight::Loud);
    let key = |place: usize, beat: &Beat| (beat.weight, usize::MAX - place.abs_diff(parted));
    light.min_by_key(|(place, beat)| key(*place, beat)).map(|(place, _)| place)
}
