//! Which runs a guided sweep makes: plans that reached something new are kept, and changed.
//!
//! It goes by generations: all runs of one are chosen from what the generations before have
//! reached, so that nothing depends on how many run at a time. A run is named by the seed that drew
//! its plan and by the numbers of its changes, and the newest change has the number of the run.

use super::asked::Asked;
use super::record::Record;
use crate::prng::Stream;

/// Runs of one generation.
pub(super) const GENERATION: u64 = 32;
/// One of so many runs has a plan that a seed draws anew.
const FRESH: u64 = 4;
/// A plan is changed no more often than this.
const CHANGES_MAX: usize = 16;

/// The plan of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Kept {
    pub(super) seed: u64,
    pub(super) mutations: Vec<u64>,
}

/// What was kept, of the file that is on.
#[derive(Clone, Debug)]
pub(super) struct Guide {
    scene: usize,
    /// The seed of the next plan that is drawn anew.
    fresh: u64,
    kept: Vec<Kept>,
    /// The generation that is on, from this number of a run.
    from: u64,
    plans: Vec<Kept>,
    /// What it has found so far.
    found: Vec<Kept>,
}

impl Guide {
    /// Before the first run.
    pub(super) fn new(asked: &Asked) -> Self {
        let (kept, plans, found) = (Vec::new(), Vec::new(), Vec::new());
        Self { scene: 0, fresh: asked.from, kept, from: 0, plans, found }
    }

    /// The end of the generation of a run: the number behind its last one.
    pub(super) fn end(&self) -> u64 {
        self.from + self.plans.len() as u64
    }

    /// Chooses the generation that begins with this run.
    pub(super) fn begin(&mut self, asked: &Asked, number: u64) {
        let scene = asked.place(number).scene;
        if scene == self.scene {
            self.kept.append(&mut self.found);
        } else {
            *self = Self { scene, ..Self::new(asked) };
        }
        self.from = number;
        let of_the_file = asked.behind_file(number).unwrap_or(u64::MAX);
        let end = number.saturating_add(GENERATION).min(of_the_file);
        let mut plans: Vec<Kept> = (number..end).map(|run| self.plan(asked, run)).collect();
        for plan in plans.iter_mut().filter(|plan| plan.mutations.is_empty()) {
            plan.seed = self.fresh;
            self.fresh += 1;
        }
        self.plans = plans;
    }

    /// A plan; one that is drawn anew has yet to get its seed.
    fn plan(&self, asked: &Asked, run: u64) -> Kept {
        let mut draws = Stream::new(asked.from, &format!("guide/{run}"));
        let anew = Kept { seed: 0, mutations: Vec::new() };
        if self.kept.is_empty() || draws.chance(1, FRESH) {
            return anew;
        }
        let parent = &self.kept[draws.below(self.kept.len() as u64) as usize];
        if parent.mutations.len() >= CHANGES_MAX {
            return anew;
        }
        let mut plan = parent.clone();
        plan.mutations.push(run);
        plan
    }

    /// The plan of a run of the generation that is on.
    pub(super) fn of(&self, number: u64) -> &Kept {
        &self.plans[(number - self.from) as usize]
    }

    /// A run ended.
    pub(super) fn learn(&mut self, record: &Record) {
        if record.news.as_ref().is_some_and(|news| !news.is_empty()) {
            let (seed, mutations) = (record.seed, record.mutations.clone());
            self.found.push(Kept { seed, mutations });
        }
    }

    /// Goes on behind a run that is on record; false when it is none that would have been made.
    pub(super) fn recall(&mut self, asked: &Asked, record: &Record) -> bool {
        if record.run >= self.end() {
            self.begin(asked, record.run);
        }
        let Kept { seed, mutations } = self.of(record.run);
        let same = (*seed, mutations) == (record.seed, &record.mutations);
        self.learn(record);
        same
    }
}
