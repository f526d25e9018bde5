//! Failures made small: what caused them, and the least that still does.
//!
//! A failure is a scenario with every draw written down. Piece by piece is taken away or made
//! plainer; what still fails in the same way is kept. The order is: what costs a reader most first.

mod cause;
mod edits;
mod text;
mod trial;

use scenarios::Scenario;
use scenarios::model::{Anomaly, Ratio};

use crate::plan::PlanError;
use crate::run::{Run, came_of, drawn};

pub use cause::Cause;
pub use text::readable;
pub use trial::Judge;
use trial::{Edit, Trials};

/// So many other seeds are tried for what cannot go under the own.
const OTHER_SEEDS: u64 = 4;

/// What is left of a failure.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The scenario, with the seed under which it fails.
    pub scenario: Scenario,
    /// How many scenarios were run on the way.
    pub runs: u64,
    /// The time was over before everything was tried.
    pub stopped: bool,
}

/// What is made smaller: a run with its draws written down, which expects what its file expects. Without
/// the run, which assize itself did not survive, every fault is part of it.
///
/// # Errors
/// When the scenario cannot be planned.
pub fn written_down(
    scenario: &Scenario,
    seed: u64,
    run: Option<&Run>,
) -> Result<Scenario, PlanError> {
    drawn(scenario, seed, |fault| run.is_none_or(|run| run.world.has_fired(fault)))
}

/// Makes a failure as small as it gets. `scenario` fails as it is, under its own seed, with all draws
/// written down ([`written_down`]), and makes no more than `calls` calls
/// if that is known.
#[must_use]
pub fn shrink(scenario: &Scenario, calls: Option<u64>, judge: Judge<'_>) -> Shrunk {
    let mut trials = Trials::new(judge);
    let mut smallest = bounded(scenario, calls);
    if !(judge.fails)(&smallest) {
        smallest = scenario.clone();
    }
    // What a run draws beside its faults hides some of what could go: another seed is another chance.
    let mut seeds_behind = 0;
    while seeds_behind <= OTHER_SEEDS {
        trials.under_seed_behind(seeds_behind);
        let changed = everything_once(&mut smallest, &mut trials);
        seeds_behind = if changed { 0 } else { seeds_behind + 1 };
    }
    Shrunk { scenario: smallest, runs: trials.runs(), stopped: trials.stopped() }
}

/// Lets a scenario expect what came of its run, above all this cause, and takes out of it the faults that
/// did not fire. True when that is something new.
pub fn settle(scenario: &mut Scenario, cause: &Cause, run: &Run) -> bool {
    let before = scenario.clone();
    scenario.expect = came_of(Anomaly::from_name(&cause.check), run);
    if (0..scenario.faults.len()).any(|fault| !run.world.has_fired(fault)) {
        keep_draws(scenario);
        let mut number = 0;
        scenario.faults.retain(|_| {
            number += 1;
            run.world.has_fired(number - 1)
        });
    }
    *scenario != before
}

/// Lets every fault draw what it draws now, whatever goes before it.
fn keep_draws(scenario: &mut Scenario) {
    for (number, fault) in scenario.faults.iter_mut().enumerate() {
        fault.draws.get_or_insert(number as u32);
    }
}

/// The number of calls that its loads make at most.
#[must_use]
pub fn operations(scenario: &Scenario) -> u64 {
    scenario.loads.iter().map(|load| edits::calls(load).len() as u64).sum()
}

/// The same without faults that are no part of the run; what is left keeps its draws. A load without a
/// bound has one, so that it can be lowered.
fn bounded(scenario: &Scenario, calls: Option<u64>) -> Scenario {
    let mut bounded = scenario.clone();
    bounded.expect.notes.clear();
    for load in &mut bounded.loads {
        let bounds = load.limit.into_iter().chain(calls.map(|calls| calls.max(1)));
        load.limit = bounds.min();
    }
    keep_draws(&mut bounded);
    bounded.faults.retain(|fault| fault.chance != Ratio::ZERO);
    bounded
}

/// Takes away what can be taken away and makes plainer what is left. True when something changed.
fn everything_once(scenario: &mut Scenario, trials: &mut Trials<'_>) -> bool {
    let mut changed = false;
    let mut attempt = |scenario: &mut Scenario, edits: Vec<Edit>| {
        changed |= trials.each(scenario, &edits);
    };
    for size in edits::halves(scenario.faults.len()) {
        attempt(scenario, edits::fault_deletions(scenario, size));
    }
    attempt(scenario, edits::fault_pairs(scenario));
    attempt(scenario, edits::without_services(scenario));
    attempt(scenario, edits::smaller(scenario));
    attempt(scenario, edits::earlier_ends(scenario));
    for size in edits::halves(operations(scenario) as usize) {
        attempt(scenario, edits::fewer_calls(scenario, size));
    }
    attempt(scenario, edits::to_events(scenario));
    attempt(scenario, edits::plainer_faults(scenario));
    attempt(scenario, edits::plainer_loads(scenario));
    for size in edits::halves(most_keys(scenario)) {
        attempt(scenario, edits::defaults(scenario, size));
    }
    attempt(scenario, edits::rounded(scenario));
    changed
}

/// The number of Kafka's keys in the table that sets most.
fn most_keys(scenario: &Scenario) -> usize {
    let topics = scenario.topics.iter().map(|topic| topic.config.set.len());
    let services = scenario.services.iter();
    let clients = services.map(|one| one.producer.set.len().max(one.consumer.set.len()));
    topics.chain(clients).max().unwrap_or(0).max(scenario.cluster.config.set.len())
}
