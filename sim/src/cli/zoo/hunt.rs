//! The search for one entry: seeds in order, several at a time, until the first that shows it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use reports::summary::Summary;

use super::super::clock::Clock;
use super::super::execute::execute;
use super::super::exit::Failure;
use super::super::scene::Scene;
use crate::zoo::Entry;

/// Where a search begins, and when it gives up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Limits {
    /// The first seed.
    pub(super) from: u64,
    /// Milliseconds of the machine after which no further run begins.
    pub(super) ms: u64,
}

/// What is searched for, where and with what.
pub(super) struct Hunt<'a> {
    entry: &'a Entry,
    scene: &'a Scene,
    pool: &'a rayon::ThreadPool,
    stop: &'a AtomicBool,
}

/// What came of a search.
#[derive(Clone, Debug)]
pub(super) struct Hunted {
    /// The lowest seed that showed the entry, with its run: the same whatever the threads.
    pub(super) hit: Option<Box<(u64, Summary)>>,
    /// Runs up to that seed and with it; without a hit, all that were made.
    pub(super) runs: u64,
    /// Seconds of the machine.
    pub(super) wall_s: f64,
    /// Runs in which assize itself gave up, in words.
    pub(super) bugs: Vec<String>,
    /// Whether somebody stopped it.
    pub(super) interrupted: bool,
}

/// What threads share.
struct Shared {
    /// The next seed, counted from the first.
    next: AtomicU64,
    /// The lowest that was found so far, counted in the same way.
    lowest: AtomicU64,
    /// Its run.
    hit: Mutex<Option<Box<(u64, Summary)>>>,
    /// Runs in which assize gave up, by seed.
    bugs: Mutex<Vec<(u64, Failure)>>,
}

impl<'a> Hunt<'a> {
    pub(super) fn new(
        entry: &'a Entry,
        scene: &'a Scene,
        pool: &'a rayon::ThreadPool,
        stop: &'a AtomicBool,
    ) -> Self {
        Self { entry, scene, pool, stop }
    }

    /// Seeds are taken in order, so when one shows the entry, all below it have begun; they are
    /// waited for, as one of them may show it too.
    pub(super) fn start(&self, limits: Limits) -> Hunted {
        let clock = Clock::start();
        let shared = Shared {
            next: AtomicU64::new(0),
            lowest: AtomicU64::new(u64::MAX),
            hit: Mutex::new(None),
            bugs: Mutex::new(Vec::new()),
        };
        let ends =
            || self.stop.load(Ordering::Relaxed) || clock.seconds() * 1_000.0 >= limits.ms as f64;
        self.pool.broadcast(|_| {
            while !ends() {
                let number = shared.next.fetch_add(1, Ordering::Relaxed);
                let Some(seed) = limits.from.checked_add(number) else { return };
                if number >= shared.lowest.load(Ordering::Relaxed) {
                    return;
                }
                self.one(number, seed, &shared);
            }
        });
        let wall_s = clock.seconds();
        let hit = shared.hit.into_inner().expect("no thread panics with it");
        let made = shared.next.into_inner();
        let runs = hit.as_ref().map_or(made, |hit| hit.0 - limits.from + 1);
        let mut bugs = shared.bugs.into_inner().expect("no thread panics with it");
        bugs.sort_by_key(|(number, _)| *number);
        let bugs = bugs.into_iter().filter(|(number, _)| *number < runs);
        Hunted {
            hit,
            runs,
            wall_s,
            bugs: bugs.map(|(_, failure)| failure.text).collect(),
            interrupted: self.stop.load(Ordering::Relaxed),
        }
    }

    /// Whether the run shows the entry also where its own rule is as today, and the others that it sets
    /// are not: then it is theirs.
    fn is_there_without_the_rule(&self, seed: u64) -> bool {
        let Some(rule) = self.entry.rule() else { return false };
        let mut scenario = self.scene.scenario.clone();
        scenario.protocol.retain(|(name, _)| name != rule);
        let run = execute(&self.scene.with_scenario(scenario), seed, &AtomicBool::new(false));
        run.is_ok_and(|run| run.is_some_and(|run| self.entry.found_in(&run.summary).is_some()))
    }

    fn one(&self, number: u64, seed: u64, shared: &Shared) {
        // A run that has begun is finished: who is lowest must not depend on when time is up.
        let summary = match execute(self.scene, seed, &AtomicBool::new(false)) {
            Ok(run) => run.expect("nobody gives this run up").summary,
            Err(failure) => {
                shared.bugs.lock().expect("no thread panics with it").push((number, failure));
                return;
            }
        };
        if self.entry.found_in(&summary).is_none() || self.is_there_without_the_rule(seed) {
            return;
        }
        let mut hit = shared.hit.lock().expect("no thread panics with it");
        if shared.lowest.fetch_min(number, Ordering::Relaxed) > number {
            *hit = Some(Box::new((seed, summary)));
        }
    }
}
