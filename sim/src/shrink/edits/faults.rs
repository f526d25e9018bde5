//! Fewer faults, and plainer ones.

use scenarios::Scenario;
use scenarios::model::{Drawn, Fault, Trigger};

use super::{pieces, plain_numbers};
use crate::shrink::trial::{Edit, edit};

/// The least time that is tried for anything, nanoseconds.
const LEAST: u64 = 1_000_000;
/// So many occurrences of an event, from the first on, are tried one by one.
const OCCURRENCES: u64 = 6;

/// Faults taken away, so many at a time, the last first.
pub(in crate::shrink) fn deletions(scenario: &Scenario, size: usize) -> Vec<Edit> {
    let pieces = pieces(scenario.faults.len(), size);
    let edits = pieces.map(|piece| {
        edit(move |s| {
            let there = piece.start < s.faults.len();
            s.faults.drain(piece.start.min(s.faults.len())..piece.end.min(s.faults.len()));
            there
        })
    });
    edits.collect()
}

/// Two faults taken away that need not stand beside each other: one may have needed the other.
pub(in crate::shrink) fn pairs(scenario: &Scenario) -> Vec<Edit> {
    let count = scenario.faults.len();
    let both =
        (0..count).rev().flat_map(|second| (0..second).rev().map(move |first| (first, second)));
    let edits = both.map(|(first, second)| {
        edit(move |s| {
            let there = second < s.faults.len();
            if there {
                s.faults.remove(second);
                s.faults.remove(first);
            }
            there
        })
    });
    edits.collect()
}

/// Faults that begin at plainer moments, last less long, delay less, draw as any other and are called as
/// any other.
pub(in crate::shrink) fn plainer(scenario: &Scenario) -> Vec<Edit> {
    let faults = scenario.faults.iter().enumerate();
    let all = faults.flat_map(|(place, fault)| begins(place, fault).chain(lasts(place, fault)));
    let by_place = edit(|s| {
        s.faults.iter_mut().for_each(|fault| fault.draws = None);
        true
    });
    let by_kind = edit(|s| {
        for (place, fault) in s.faults.iter_mut().enumerate() {
            fault.name = format!("{}-{}", fault.kind.name(), place + 1);
        }
        true
    });
    all.chain([by_place, by_kind]).collect()
}

/// A time in whole seconds, tenths of them and so on, below it and above it, as far as it is that long.
fn rounded(time: u64) -> impl Iterator<Item = u64> {
    let units = [1_000_000_000, 100_000_000, 10_000_000, LEAST].into_iter();
    let uneven = units.filter(move |unit| time >= *unit && !time.is_multiple_of(*unit));
    uneven.flat_map(move |unit| [time / unit * unit, time.div_ceil(unit) * unit])
}

fn on_fault(place: usize, change: impl Fn(&mut Fault) + Send + Sync + 'static) -> Edit {
    edit(move |s| s.faults.get_mut(place).map(&change).is_some())
}

fn begins(place: usize, fault: &Fault) -> Box<dyn Iterator<Item = Edit>> {
    match fault.trigger.clone() {
        Trigger::At(at) => Box::new(rounded(at.low).map(move |time| {
            on_fault(place, move |fault| fault.trigger = Trigger::At(Drawn::fixed(time)))
        })),
        Trigger::On { nth, after, .. } => {
            let occurrences = (1..nth.min(OCCURRENCES)).chain(plain_numbers(OCCURRENCES, nth));
            let earlier = occurrences.map(move |number| {
                on_fault(place, move |fault| {
                    if let Trigger::On { nth, .. } = &mut fault.trigger {
                        *nth = number;
                    }
                })
            });
            let plain = std::iter::once(0).chain(plain_numbers(LEAST, after.low));
            let times = plain.chain(rounded(after.low));
            let sooner = times.map(move |time| {
                on_fault(place, move |fault| {
                    if let Trigger::On { after, .. } = &mut fault.trigger {
                        *after = Drawn::fixed(time);
                    }
                })
            });
            Box::new(sooner.chain(earlier))
        }
    }
}

fn lasts(place: usize, fault: &Fault) -> impl Iterator<Item = Edit> {
    let lasts = fault.duration.map_or(0, |duration| duration.low);
    let shorter = plain_numbers(LEAST, lasts)
        .map(move |time| on_fault(place, move |fault| fault.duration = Some(Drawn::fixed(time))));
    let mut kind = fault.kind;
    let delay = kind.latency_mut().map_or(0, |latency| latency.low);
    let faster = plain_numbers(LEAST, delay).chain(rounded(delay)).map(move |time| {
        on_fault(place, move |fault| {
            if let Some(latency) = fault.kind.latency_mut() {
                *latency = Drawn::fixed(time);
            }
        })
    });
    shorter.chain(faster)
}
