//! Latency per stage and phase, from intended time: a client that waits before it sends does
//! not hide the wait.

use super::histogram::Histogram;
use super::latency_series::LatencySeries;
use crate::history::{PHASES, Phase, Phases};

/// Name of the stage that spans the whole pipeline.
pub const END_TO_END: &str = "end_to_end";

/// Spans that are looked up before the first of them is counted: what their loads wait for in
/// memory, they wait for together.
const AHEAD: usize = 32;

/// A stage's number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StageId(u32);

#[derive(Clone, Debug)]
struct Stage {
    name: String,
    phases: [Histogram; PHASES],
}

/// All stages, in order of declaration.
#[derive(Clone, Default, Debug)]
pub struct Latency {
    stages: Vec<Stage>,
    whole: Option<StageId>,
    over_time: LatencySeries,
}

impl Latency {
    pub(crate) fn new(grid_ns: u64) -> Self {
        Self { over_time: LatencySeries::new(grid_ns), ..Self::default() }
    }

    /// A stage; services may share one by its name.
    pub(crate) fn stage(&mut self, name: &str) -> StageId {
        if let Some(known) = self.stages.iter().position(|stage| stage.name == name) {
            return StageId(u32::try_from(known).expect("stages are few"));
        }
        let id = StageId(u32::try_from(self.stages.len()).expect("stages are few"));
        if name == END_TO_END {
            self.whole = Some(id);
        }
        self.stages.push(Stage { name: name.to_owned(), phases: Default::default() });
        id
    }

    #[inline]
    pub(crate) fn record(&mut self, stage: StageId, phase: Phase, intended_ns: u64, ns: u64) {
        if self.whole == Some(stage) {
            self.over_time.record(intended_ns, ns);
        }
        self.stages[stage.0 as usize].phases[phase.index()].record(ns);
    }

    /// Counts many spans of one stage: from when each was intended to when it was done, ns. What is
    /// the same for nearly all of them is looked up once.
    pub(crate) fn record_all(
        &mut self,
        stage: StageId,
        phases: &Phases,
        spans: impl Iterator<Item = (u64, u64)>,
    ) {
        let whole = self.whole == Some(stage);
        let (start, current) = phases.latest();
        let histograms = &mut self.stages[stage.0 as usize].phases;
        let (mut spans, mut ahead) = (spans, [(0, 0); AHEAD]);
        loop {
            let mut count = 0;
            for (place, span) in ahead.iter_mut().zip(spans.by_ref()) {
                *place = span;
                count += 1;
            }
            let spans = &ahead[..count];
            if whole {
                for &(intended, done) in spans {
                    self.over_time.record(intended, done.saturating_sub(intended));
                }
            }
            if spans.iter().all(|&(intended, _)| intended >= start) {
                let all = spans.iter().map(|&(intended, done)| done.saturating_sub(intended));
                histograms[current.index()].record_all(all);
            } else {
                for &(intended, done) in spans {
                    let phase = phases.of_span(intended);
                    histograms[phase.index()].record(done.saturating_sub(intended));
                }
            }
            if count < AHEAD {
                break;
            }
        }
    }

    /// The whole pipeline over time, warm-up included.
    #[must_use]
    pub const fn over_time(&self) -> &LatencySeries {
        &self.over_time
    }

    /// The names, in order of declaration.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.stages.iter().map(|stage| stage.name.as_str())
    }

    fn find(&self, name: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.name == name)
    }

    /// A stage in one phase.
    #[must_use]
    pub fn in_phase(&self, name: &str, phase: Phase) -> Option<&Histogram> {
        Some(&self.find(name)?.phases[phase.index()])
    }

    /// A stage over the whole run but its warm-up.
    #[must_use]
    pub fn overall(&self, name: &str) -> Option<Histogram> {
        let stage = self.find(name)?;
        let mut all = Histogram::default();
        for phase in Phase::ALL.into_iter().filter(|&phase| phase != Phase::Warmup) {
            all.merge(&stage.phases[phase.index()]);
        }
        Some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::Latency;
    use crate::history::Phase;

    #[test]
    fn phases_are_apart_and_the_warmup_is_left_out() {
        let mut latency = Latency::default();
        let stage = latency.stage("payment");
        latency.record(stage, Phase::Warmup, 0, 9_000_000_000);
        latency.record(stage, Phase::Steady, 0, 1_000_000);
        latency.record(stage, Phase::Fault, 0, 5_000_000);
        let all = latency.overall("payment").expect("declared");
        assert_eq!((all.count(), all.max_ns()), (2, 5_000_000));
        let steady = latency.in_phase("payment", Phase::Steady).expect("declared");
        assert_eq!(steady.max_ns(), 1_000_000);
        assert!(latency.overall("nothing").is_none());
    }
}
