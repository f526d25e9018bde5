//! What a run does when: boot, warm-up, load, heal, drain, idle tail, end.

use broker_model::types::{Duration, Instant, MILLISECOND, SECOND};
use reports::history::Phase;

use super::{Event, LoadWindow, NodeState, World};

/// How often the world looks whether the cluster has formed or the run has drained.
const LOOK_INTERVAL: Duration = 50 * MILLISECOND;
/// A cluster that has not formed by then never will.
const BOOT_MAX: Duration = 120 * SECOND;
/// From settled services to the first arrival.
const SETTLE: Duration = 100 * MILLISECOND;
/// Groups that have not formed by then form under load.
const SETTLE_MAX: Duration = 20 * SECOND;
/// Nothing happens for this long after draining, so that late trouble shows itself.
const IDLE_TAIL: Duration = 2 * SECOND;

const LOOK: u32 = 0;
const LOAD_BEGINS: u32 = 1;
const LOAD_ENDS: u32 = 2;
const SAMPLE: u32 = 3;
const FINISH: u32 = 4;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Stage {
    Forming,
    Creating,
    Settling,
    Load,
    Draining,
    Tail,
    Over,
}

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Everything drained.
    Drained,
    /// The drain bound passed with something left to do.
    DrainTimedOut,
    /// The cluster never formed.
    NotFormed,
    /// It is still running.
    Running,
}

/// Where a run is.
#[derive(Clone, Debug)]
pub struct PhaseClock {
    stage: Stage,
    outcome: Outcome,
    /// When load begins to arrive.
    pub(super) load_from: Instant,
    /// When the warm-up ends and measuring begins.
    pub(super) measure_from: Instant,
    /// When the load ends.
    pub(super) load_until: Instant,
    services_from: Instant,
    healed_at: Option<Instant>,
    recovered: bool,
    /// From a heal within the load phase to recovery, the longest so far.
    pub(super) recovery: Option<Duration>,
}

impl PhaseClock {
    pub(super) const fn new() -> Self {
        Self {
            stage: Stage::Forming,
            outcome: Outcome::Running,
            load_from: Instant::FAR,
            measure_from: Instant::FAR,
            load_until: Instant::FAR,
            services_from: Instant(0),
            healed_at: None,
            recovered: true,
            recovery: None,
        }
    }

    /// Whether services were started for the first time.
    pub(super) fn services_have_started(&self) -> bool {
        self.stage >= Stage::Settling
    }

    /// Whether the load phase has ended.
    #[must_use]
    pub fn load_is_over(&self) -> bool {
        self.stage > Stage::Load
    }
}

impl World {
    /// Starts every node; the rest follows by itself.
    pub(super) fn begin(&mut self) {
        self.shared.recorder.phase(Phase::Warmup, 0);
        for index in 0..self.nodes.len() {
            if !self.plan.adds(self.nodes[index].id.0) {
                self.start_node(index);
            }
        }
        // The administrator; services start when their topics exist.
        self.start_client(0);
        self.arm_faults_by_event();
        self.queue.push(self.now + LOOK_INTERVAL, Event::Run(LOOK));
    }

    pub(super) fn run_event(&mut self, code: u32) {
        match code {
            LOOK => self.look(),
            LOAD_BEGINS => {
                self.arm_faults_by_time();
                self.phase_may_change();
            }
            LOAD_ENDS => self.end_load(),
            SAMPLE => {
                self.sample();
                self.end_what_is_done();
                self.note_recovery();
                if self.phases.stage < Stage::Over {
                    self.queue.push(self.now + self.samples.interval(), Event::Run(SAMPLE));
                }
            }
            _ => self.end_tail(),
        }
    }

    fn look(&mut self) {
        match self.phases.stage {
            Stage::Forming if self.brokers_are_unfenced() => {
                self.create_topics();
                self.phases.stage = Stage::Creating;
            }
            Stage::Creating if self.topics_have_leaders() => self.start_services(),
            Stage::Settling if self.services_are_settled() || self.now >= self.settle_by() => {
                self.begin_load();
            }
            Stage::Forming | Stage::Creating | Stage::Settling => {
                if self.now.0 > BOOT_MAX {
                    self.phases.outcome = Outcome::NotFormed;
                    self.finish();
                    return;
                }
            }
            Stage::Draining => {
                if self.is_drained() {
                    return self.begin_tail(Outcome::Drained);
                }
                if self.now >= self.drain_by() {
                    return self.time_out();
                }
            }
            Stage::Load | Stage::Tail | Stage::Over => {}
        }
        if self.phases.stage < Stage::Tail && self.phases.stage != Stage::Load {
            self.queue.push(self.now + LOOK_INTERVAL, Event::Run(LOOK));
        }
    }

    fn drain_by(&self) -> Instant {
        self.phases.load_until + self.plan.scenario.drain
    }

    fn begin_tail(&mut self, outcome: Outcome) {
        self.phases.outcome = outcome;
        self.phases.stage = Stage::Tail;
        self.queue.push(self.now + IDLE_TAIL, Event::Run(FINISH));
    }

    /// The drain bound has passed. What stays as it is until the tail is over will stay so.
    fn time_out(&mut self) {
        self.invariants_are_not_at_rest();
        self.begin_tail(Outcome::DrainTimedOut);
    }

    /// The idle tail is over. If something happened in it that is not settled, such as a rebalance
    /// that a member heard of late, the drain goes on.
    fn end_tail(&mut self) {
        if self.phases.outcome != Outcome::Drained || self.is_drained() {
            self.finish();
        } else if self.now >= self.drain_by() {
            self.time_out();
        } else {
            self.phases.stage = Stage::Draining;
            self.queue.push(self.now + LOOK_INTERVAL, Event::Run(LOOK));
        }
    }

    /// Services start and form their groups before the load begins.
    fn start_services(&mut self) {
        self.phases.stage = Stage::Settling;
        self.phases.services_from = self.now;
        self.declare_topics();
        for index in 1..self.clients.len() {
            if !self.is_kept_down(index) {
                self.start_client(index);
            }
        }
    }

    fn settle_by(&self) -> Instant {
        self.phases.services_from + SETTLE_MAX
    }

    fn begin_load(&mut self) {
        self.phases.stage = Stage::Load;
        let scenario = &self.plan.scenario;
        let from = self.now + SETTLE;
        let measure = from + scenario.warmup;
        let until = measure + scenario.duration;
        self.phases.load_from = from;
        self.phases.measure_from = measure;
        self.phases.load_until = until;
        self.shared.load = LoadWindow { from, until };
        if self.records_elsewhere {
            self.shared.recorder.go_away();
        }
        for index in 1..self.clients.len() {
            self.load_begins_for(index);
        }
        self.queue.push(measure, Event::Run(LOAD_BEGINS));
        self.queue.push(until, Event::Run(LOAD_ENDS));
        self.queue.push(from, Event::Run(SAMPLE));
    }

    fn end_load(&mut self) {
        self.phases.stage = Stage::Draining;
        self.heal();
        self.shared.recorder.phase(Phase::Drain, self.now.0);
        self.start_whatever_stopped();
        self.queue.push(self.now + LOOK_INTERVAL, Event::Run(LOOK));
    }

    /// After healing every process runs again.
    fn start_whatever_stopped(&mut self) {
        for index in 0..self.nodes.len() {
            if !self.nodes[index].state.is_running() {
                self.nodes[index].disk.set_full(false);
                self.start_node(index);
                self.reset_stale_connections(index);
            }
        }
        for index in 0..self.clients.len() {
            match self.clients[index].state {
                NodeState::Stopped => self.start_client(index),
                NodeState::Paused => self.resume_client(index),
                NodeState::Up | NodeState::NoPower => {}
            }
        }
    }

    /// A fault began or ended: the phase follows.
    pub(super) fn phase_may_change(&mut self) {
        if self.phases.stage != Stage::Load || self.now < self.phases.measure_from {
            return;
        }
        if self.faults.running > 0 {
            self.phases.recovered = false;
            self.phases.healed_at = None;
            self.shared.recorder.phase(Phase::Fault, self.now.0);
        } else if self.phases.recovered {
            self.shared.recorder.phase(Phase::Steady, self.now.0);
        } else {
            self.phases.healed_at = Some(self.now);
            self.shared.recorder.phase(Phase::Recovery, self.now.0);
        }
    }

    /// Recovery ends when the cluster is whole and no group lags more than before the faults.
    fn note_recovery(&mut self) {
        let Some(healed_at) = self.phases.healed_at else { return };
        if self.samples.is_calm() && self.is_whole() {
            let took = self.now.since(healed_at);
            let worst = self.phases.recovery.unwrap_or(0).max(took);
            self.phases.recovery = Some(worst);
            self.phases.healed_at = None;
            self.phases.recovered = true;
            if self.phases.stage == Stage::Load {
                self.shared.recorder.phase(Phase::Steady, self.now.0);
            }
        }
    }

    /// Whether nothing is left to do. Positions are read only when all clients are idle: while
    /// one is busy they change nothing.
    fn is_drained(&mut self) -> bool {
        if self.busy_clients().is_some() {
            return false;
        }
        self.refresh_progress();
        self.is_at_rest()
    }

    fn finish(&mut self) {
        if self.phases.outcome != Outcome::NotFormed {
            self.sample();
            self.check_after_healing();
            self.tell_held_up();
            self.shared.recorder.come_home().finish_at(self.now.0);
            self.audit();
        }
        self.phases.stage = Stage::Over;
        self.finished = true;
    }

    /// How the run ended.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.phases.outcome
    }

    /// From a heal within the load phase to recovery, the longest if there were several.
    #[must_use]
    pub const fn recovery(&self) -> Option<Duration> {
        self.phases.recovery
    }

    /// Whether the last fault was healed within the load phase, and what it did is not over.
    #[must_use]
    pub const fn is_recovering(&self) -> bool {
        self.phases.healed_at.is_some()
    }
}

/// A run event in words.
pub(super) const fn event_name(code: u32, clock: &PhaseClock) -> &'static str {
    match (code, clock.stage) {
        (LOOK, Stage::Forming) => "have all brokers registered?",
        (LOOK, Stage::Creating) => "do all topics have leaders?",
        (LOOK, Stage::Settling) => "have all services settled?",
        (LOOK, Stage::Draining) => "has everything drained?",
        (LOOK, Stage::Load | Stage::Tail | Stage::Over) => "nothing to look for",
        (LOAD_BEGINS, _) => "the warm-up is over, measuring begins",
        (LOAD_ENDS, _) => "the load is over, faults heal, draining begins",
        (SAMPLE, _) => "sample",
        _ => "the end, if it is still at rest: last checks and audit",
    }
}
