//! Tries of smaller scenarios: which of many changes leave the failure as it is.

use std::collections::BTreeSet;

use rayon::prelude::*;
use scenarios::Scenario;

/// One change of a scenario; false when there is nothing to change.
pub(super) type Edit = Box<dyn Fn(&mut Scenario) -> bool + Send + Sync>;

/// An edit out of a closure.
pub(super) fn edit(change: impl Fn(&mut Scenario) -> bool + Send + Sync + 'static) -> Edit {
    Box::new(change)
}

/// What is asked of the world outside while a failure is made smaller.
#[derive(Clone, Copy)]
pub struct Judge<'a> {
    /// Whether a scenario, run under its own seed, fails in the same way.
    pub fails: &'a (dyn Fn(&Scenario) -> bool + Sync),
    /// Whether there is time for more.
    pub goes_on: &'a (dyn Fn() -> bool + Sync),
}

/// The tries of one shrinking.
pub(super) struct Trials<'a> {
    judge: Judge<'a>,
    /// Changes are tried under the seed so far behind that of the scenario.
    seeds_behind: u64,
    /// Digests of scenarios that do not fail.
    refused: BTreeSet<u64>,
    /// Digests of what was the smallest at some time, whatever the seed: two changes that undo each
    /// other, each under a seed of its own, would go on for ever.
    left: BTreeSet<u64>,
    runs: u64,
    stopped: bool,
}

impl<'a> Trials<'a> {
    pub(super) const fn new(judge: Judge<'a>) -> Self {
        Self {
            judge,
            seeds_behind: 0,
            refused: BTreeSet::new(),
            left: BTreeSet::new(),
            runs: 0,
            stopped: false,
        }
    }

    /// From now on changes are tried under the seed so far behind that of the scenario.
    pub(super) const fn under_seed_behind(&mut self, seeds: u64) {
        self.seeds_behind = seeds;
    }

    /// How many scenarios were run.
    pub(super) const fn runs(&self) -> u64 {
        self.runs
    }

    /// Whether the time was over before everything was tried.
    pub(super) const fn stopped(&self) -> bool {
        self.stopped
    }

    /// Makes those of the changes, one after the other, that leave the failure. True when one did.
    /// Several are tried at a time; what comes out is as if they had been tried in order.
    pub(super) fn each(&mut self, scenario: &mut Scenario, edits: &[Edit]) -> bool {
        let seed = scenario.seed.wrapping_add(self.seeds_behind);
        let (mut next, mut changed) = (0, false);
        while next < edits.len() {
            let batch = self.batch(scenario, seed, edits, next);
            if batch.is_empty() {
                break;
            }
            if !(self.judge.goes_on)() {
                self.stopped = true;
                break;
            }
            let fails: Vec<bool> =
                batch.par_iter().map(|one| (self.judge.fails)(&one.scenario)).collect();
            let first = fails.iter().position(|fails| *fails);
            let tried = first.map_or(batch.len(), |first| first + 1);
            self.runs += tried as u64;
            for (place, candidate) in batch.into_iter().enumerate().take(tried) {
                next = candidate.edit + 1;
                if first == Some(place) {
                    self.left.insert(without_seed(scenario));
                    *scenario = candidate.scenario;
                    changed = true;
                } else {
                    self.refused.insert(candidate.digest);
                }
            }
        }
        changed
    }

    /// The next few scenarios that a change gives, under a seed, and that were not refused before.
    fn batch(&self, scenario: &Scenario, seed: u64, edits: &[Edit], from: usize) -> Vec<Candidate> {
        let changed = (from..edits.len()).filter_map(|edit| {
            let mut smaller = scenario.clone();
            if !edits[edit](&mut smaller) || smaller == *scenario {
                return None;
            }
            // Behind the comparison: another seed alone is no change.
            smaller.seed = seed;
            let digest = smaller.digest();
            if self.refused.contains(&digest) || self.left.contains(&without_seed(&smaller)) {
                return None;
            }
            Some(Candidate { edit, digest, scenario: read_back(&smaller)? })
        });
        changed.take(rayon::current_num_threads()).collect()
    }
}

fn without_seed(scenario: &Scenario) -> u64 {
    Scenario { seed: 0, ..scenario.clone() }.digest()
}

/// A scenario to be tried.
struct Candidate {
    /// The place of the change that gives it.
    edit: usize,
    digest: u64,
    scenario: Scenario,
}

/// The scenario as a file of it is read: what cannot be written is no candidate.
fn read_back(scenario: &Scenario) -> Option<Scenario> {
    Scenario::parse(&scenario.to_toml(), &[]).ok()
}

#[cfg(test)]
mod tests {
    use scenarios::Scenario;

    use super::{Edit, Judge, Trials, edit};
    use crate::world::small::cluster;

    /// Changes of the number of calls that the load makes at most.
    fn limits(limits: &'static [u64]) -> Vec<Edit> {
        limits
            .iter()
            .map(|&limit| edit(move |s| s.loads[0].limit.replace(limit) != Some(limit)))
            .collect()
    }

    fn limit(scenario: &Scenario) -> u64 {
        scenario.loads[0].limit.expect("the load has one")
    }

    /// A load of a thousand calls at most.
    fn start() -> Scenario {
        let text = cluster((1, 1), 1, 10, "limit = 1000");
        Scenario::parse(&text, &[]).expect("a plain scenario")
    }

    #[test]
    fn changes_that_leave_the_failure_are_made_in_order_whatever_the_threads() {
        let edits = limits(&[1, 2, 3, 4, 4, 5, 6]);
        let ends = [1, 2, 3, 5].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.expect("threads").install(|| {
                let fails = |s: &Scenario| limit(s).is_multiple_of(2);
                let mut trials = Trials::new(Judge { fails: &fails, goes_on: &|| true });
                let mut scenario = start();
                let changed = trials.each(&mut scenario, &edits);
                (changed, limit(&scenario), trials.runs(), trials.stopped())
            })
        });
        assert_eq!(ends, [(true, 6, 6, false); 4]);
    }

    #[test]
    fn what_was_refused_is_not_run_again() {
        let mut trials = Trials::new(Judge { fails: &|_| false, goes_on: &|| true });
        let mut scenario = start();
        assert!(!trials.each(&mut scenario, &limits(&[1, 2])));
        assert!(!trials.each(&mut scenario, &limits(&[2, 1])));
        assert_eq!((trials.runs(), limit(&scenario)), (2, 1_000));
    }

    #[test]
    fn what_was_left_behind_is_not_come_back_to_under_any_seed() {
        let mut trials = Trials::new(Judge { fails: &|_| true, goes_on: &|| true });
        let mut scenario = start();
        assert!(trials.each(&mut scenario, &limits(&[2, 1])));
        trials.under_seed_behind(1);
        assert!(!trials.each(&mut scenario, &limits(&[2, 1])));
        assert_eq!((trials.runs(), limit(&scenario)), (2, 1));
    }

    #[test]
    fn nothing_is_tried_when_the_time_is_over() {
        let mut trials = Trials::new(Judge { fails: &|_| true, goes_on: &|| false });
        let mut scenario = start();
        assert!(!trials.each(&mut scenario, &limits(&[1])));
        assert_eq!((trials.runs(), trials.stopped(), limit(&scenario)), (0, true, 1_000));
    }

    #[test]
    fn changes_are_tried_under_another_seed_which_alone_is_no_change() {
        let mut trials = Trials::new(Judge { fails: &|_| true, goes_on: &|| true });
        trials.under_seed_behind(3);
        let mut scenario = Scenario { seed: u64::MAX, ..start() };
        let nothing = edit(|_| true);
        assert!(!trials.each(&mut scenario, &[nothing]));
        assert_eq!((trials.runs(), scenario.seed), (0, u64::MAX));
        // Both changes, one after the other, under the same seed.
        assert!(trials.each(&mut scenario, &limits(&[2, 1])));
        assert_eq!((trials.runs(), scenario.seed, limit(&scenario)), (2, 2, 1));
    }

    #[test]
    fn what_no_file_can_say_is_no_candidate() {
        let mut trials = Trials::new(Judge { fails: &|_| true, goes_on: &|| true });
        let mut scenario = start();
        let none = edit(|s| !std::mem::take(&mut s.topics).is_empty());
        assert!(!trials.each(&mut scenario, &[none]));
        assert_eq!((trials.runs(), scenario.topics.len()), (0, 1));
    }
}
