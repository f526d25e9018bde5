//! Faults that a seed makes up by itself: `[search]`.
//!
//! What is drawn knows nothing of any bug. It knows what there is to hit, and three things that make
//! rare orders of events less rare: faults come in groups around one event of the protocol and one
//! partition, lengths are drawn by their order of magnitude or about as long as a timeout, and each
//! seed leaves out whole kinds.

mod budget;
mod ground;
mod kinds;
mod messages;
mod mutate;

use broker_model::types::{Duration, MILLISECOND, SECOND};
use scenarios::Scenario;
use scenarios::model::{Drawn, Fault, FaultKind, ProtocolEvent, Ratio, Search, Target, Trigger};

use crate::prng::Stream;
use budget::Budget;
use ground::{Focus, Ground};

/// The least length of anything: shorter than a round trip.
const SHORTEST: Duration = MILLISECOND / 10;
/// Nothing that lasts is shorter: about a round trip, with what is worked on between.
const SHORTEST_LASTING: Duration = 2 * MILLISECOND;
/// One of so many faults of a group is of the kind of the one before.
const SAME_SHARE: u64 = 3;
/// Of those, one of so many is the very same once more, after it was over.
const ONCE_MORE_SHARE: u64 = 2;
/// One of so many lengths is about that of a timeout.
const TIMEOUT_SHARE: u64 = 2;
/// Faults of one group are no further apart.
const GROUP_SPREAD: Duration = 2 * SECOND;
/// At most so many faults belong to one group.
const GROUP_MAX: u64 = 4;

/// The faults of a seed, behind `there`, which the file has.
pub(super) fn faults(scenario: &Scenario, search: &Search, seed: u64) -> Vec<Fault> {
    let ground = Ground::of(scenario);
    let mut draws = Stream::new(seed, "search");
    let budget = Budget::of(scenario, search, &mut draws);
    let kinds = kinds::of_a_run(&ground, (search, budget), &mut draws);
    let there = scenario.faults.len();
    let wanted = draws.between(search.faults.low, search.faults.high) as usize;
    let (last, made) = (None, Vec::new());
    let mut hunt = Hunt { ground: &ground, search, kinds, budget, last, made, next: there };
    while hunt.made.len() < wanted && !hunt.kinds.is_empty() {
        let left = wanted - hunt.made.len();
        hunt.group(left, &mut draws);
    }
    for (depth, mutation) in search.mutations.iter().enumerate() {
        let mut draws = Stream::new(seed, &format!("search/mutation/{depth}/{mutation}"));
        hunt.mutate(&mut draws);
    }
    let mutated = !search.mutations.is_empty();
    let named = hunt.made.into_iter().enumerate().map(|(place, made)| {
        let Made { kind, target, trigger, lasts, draws } = made;
        let name = format!("{}-{}", kind.name(), there + place + 1);
        let duration = lasts.map(Drawn::fixed);
        // Whoever stands elsewhere than where it was drawn keeps what it drew there.
        let draws = mutated.then_some(draws);
        Fault { name, kind, target, trigger, duration, chance: Ratio::ONE, draws }
    });
    named.collect()
}

/// A fault without its name.
#[derive(Clone)]
struct Made {
    kind: FaultKind,
    target: Target,
    trigger: Trigger,
    lasts: Option<Duration>,
    /// Whose draws it has: its place when it was made.
    draws: u32,
}

/// The drawing of one run's faults.
struct Hunt<'a> {
    ground: &'a Ground<'a>,
    search: &'a Search,
    /// The kinds that this run has.
    kinds: Vec<FaultKind>,
    budget: Budget,
    /// The fault before in the same group.
    last: Option<Made>,
    made: Vec<Made>,
    /// The place of the next fault that is made.
    next: usize,
}

impl Hunt<'_> {
    /// A few faults around one event and one partition, or a single one at a time of its own.
    fn group(&mut self, left: usize, draws: &mut Stream) {
        let mut focus = self.ground.focus(draws);
        let at_events = self.search.at_events;
        if !draws.chance(at_events.numerator, at_events.denominator) {
            let at = draws.between(0, self.ground.duration - 1);
            self.last = None;
            self.one(&focus, Trigger::At(Drawn::fixed(at)), draws);
            return;
        }
        let size = draws.between(1, GROUP_MAX).min(left as u64);
        let (event, nth) = event(self.ground, &focus, draws);
        if let ProtocolEvent::Sent(message) = event {
            focus.message = Some(message);
        }
        self.last = None;
        let mut after = 0;
        for _ in 0..size {
            if !draws.chance(1, 3) {
                after += magnitude(draws, SHORTEST, GROUP_SPREAD);
            }
            let trigger = Trigger::On { event: event.clone(), nth, after: Drawn::fixed(after) };
            self.one(&focus, trigger, draws);
        }
    }

    fn one(&mut self, focus: &Focus, trigger: Trigger, draws: &mut Stream) {
        let budget = self.budget;
        self.kinds.retain(|kind| budget.allows(*kind));
        if self.kinds.is_empty() {
            return;
        }
        let last = self.last.take().filter(|last| budget.allows(last.kind));
        let again = last.filter(|_| draws.chance(1, SAME_SHARE));
        let once_more = again.as_ref().and_then(|last| once_more(last, draws));
        let (kind, target, trigger) = once_more.unwrap_or_else(|| {
            let kind = again.map_or_else(|| *pick(draws, &self.kinds), |last| last.kind);
            let (kind, target) = kinds::drawn(kind, self.ground, focus, draws);
            (kind, target, trigger)
        });
        self.budget.spend(kind);
        let lasts = self.ground.length(draws, SHORTEST_LASTING);
        let lasts = kind.cannot_last().is_none().then_some(lasts);
        let place = self.next as u32;
        self.next += 1;
        let made = Made { kind, target, trigger, lasts, draws: place };
        self.last = Some(made.clone());
        self.made.push(made);
    }
}

/// The very same fault, some time after it was over: what flaps. `None` where it is no use, or not
/// this time.
fn once_more(last: &Made, draws: &mut Stream) -> Option<(FaultKind, Target, Trigger)> {
    let lasts = last.lasts.filter(|_| draws.chance(1, ONCE_MORE_SHARE))?;
    let Trigger::On { event, nth, after } = &last.trigger else { return None };
    let after = after.low + lasts + magnitude(draws, SHORTEST, GROUP_SPREAD);
    let trigger = Trigger::On { event: event.clone(), nth: *nth, after: Drawn::fixed(after) };
    Some((last.kind, last.target.clone(), trigger))
}

/// An event of the protocol around the focus, and which of its kind.
fn event(ground: &Ground<'_>, focus: &Focus, draws: &mut Stream) -> (ProtocolEvent, u64) {
    let (topic, partition) = (focus.topic.clone(), focus.partition);
    let often = magnitude(draws, 1, 128);
    let seldom = magnitude(draws, 1, 8);
    match draws.below(8) {
        0 | 1 => (ProtocolEvent::Append { topic, partition }, often),
        2 => (ProtocolEvent::HighWatermark { topic, partition }, often),
        3 => (ProtocolEvent::Leader { topic, partition }, seldom),
        4 => (ProtocolEvent::PartitionChange { topic, partition }, seldom),
        5 => match draws.below(4) {
            0 if ground.has_transactions() => {
                (ProtocolEvent::TransactionPrepare { transactional_id: None }, often)
            }
            1 if ground.has_groups() => (ProtocolEvent::Rebalance { group: None }, seldom),
            2 => (ProtocolEvent::Roll { topic, partition }, seldom),
            _ => (ProtocolEvent::ControllerElection, magnitude(draws, 1, 4)),
        },
        _ => {
            let message = ground.message(draws);
            let nth = magnitude(draws, 1, messages::how_many(message.api));
            (ProtocolEvent::Sent(message), nth)
        }
    }
}

/// A number from `low` to `high`, each order of magnitude (of two) as likely as any other.
fn magnitude(draws: &mut Stream, low: u64, high: u64) -> u64 {
    let (low, high) = (low.max(1), high.max(low.max(1)));
    let power = draws.between(u64::from(low.ilog2()), u64::from(high.ilog2()));
    let least = (1_u64 << power).max(low);
    let most = (1_u64 << power).checked_mul(2).map_or(high, |end| (end - 1).min(high));
    draws.between(least.min(most), most)
}

fn pick<'a, T>(draws: &mut Stream, from: &'a [T]) -> &'a T {
    &from[draws.below(from.len() as u64) as usize]
}

#[cfg(test)]
mod tests;
