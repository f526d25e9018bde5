//! The plan: every draw that shapes a run, made up front from scenario and seed.
//!
//! Entries are numbered, and each has a stream of draws of its own, addressed by its number:
//! an entry can be taken out without changing what the others drew.

mod keys;
mod mask;
mod quantile;
mod search;
mod settings;
mod tables;

pub use keys::KeyLaw;
pub use mask::Mask;
pub use quantile::Quantiles;
pub use settings::{ClientSettings, Settings, vocabulary};
pub(crate) use settings::{config_text, release_of};
pub use tables::{Tables, mean_gap};

use broker_model::note::Note;
use broker_model::rules::{Era, Rules, UnknownRule};
use broker_model::types::{Duration, Instant, MILLISECOND, Timestamp};
use scenarios::Scenario;
use scenarios::model::{Fault, FaultKind, Ratio, Target, Trigger};

use crate::prng::Stream;

/// The wall clock at the start of every run: 2026-01-01T00:00:00Z.
pub const WALL_EPOCH: Timestamp = Timestamp(1_767_225_600_000);

/// The wall clock at a simulated time: the same on all hosts.
pub(crate) fn wall_at(now: Instant) -> Timestamp {
    let ms = i64::try_from(now.0 / MILLISECOND).expect("simulated time fits in i64 ms");
    Timestamp(WALL_EPOCH.0 + ms)
}

/// A run before it starts.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What is asked.
    pub scenario: Scenario,
    /// Under this seed.
    pub seed: u64,
    /// The rules in force.
    pub rules: Rules,
    /// Kafka's configurations.
    pub settings: Settings,
    /// The faults, by number.
    pub faults: Vec<PlannedFault>,
    /// Tables of the scenario's distributions.
    pub tables: Tables,
}

/// A fault with its draws made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlannedFault {
    /// What the scenario says.
    pub fault: Fault,
    /// Part of this run: not thrown out by `chance`, by the swarm, or by shrinking.
    pub on: bool,
    /// Made up by the seed (`[search]`): nobody demands that it fires.
    pub made_up: bool,
    /// Nanoseconds after the start of the load phase, for faults by time.
    pub at: Option<Duration>,
    /// Nanoseconds after its protocol event, for faults by event.
    pub after: Duration,
    /// How long it lasts; `None` until the load phase ends.
    pub lasts: Option<Duration>,
    /// Delay that a slow link or a slow kind of message adds, nanoseconds.
    pub delay: Duration,
    /// Bits for choosing a random target.
    pub choice: u64,
}

/// Why a scenario cannot be planned: the simulator knows what the language does not.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PlanError {
    /// `[protocol]` names no rule.
    #[error("unknown protocol rule `{rule}`; known rules: {known}")]
    UnknownRule {
        /// The name.
        rule: String,
        /// What there is.
        known: String,
    },
    /// `[protocol]` gives a rule a value it does not have.
    #[error("protocol rule `{rule}` has no value `{value}`; it has: {known}")]
    UnknownRuleValue {
        /// The rule.
        rule: String,
        /// The value.
        value: String,
        /// What there is.
        known: String,
    },
    /// `expect.notes` names nothing that could happen.
    #[error("`{note}` in expect.notes is the name of nothing that happens; known names: {known}")]
    UnknownNote {
        /// The name.
        note: String,
        /// What there is.
        known: String,
    },
    /// A key of Kafka's has a value that the machine which reads it does not take.
    #[error("`{path}`: {reason}")]
    Refused {
        /// The key, or the table whose keys contradict each other.
        path: String,
        /// The rest of the sentence.
        reason: String,
    },
    /// `protocol.era` names a profile that does not exist.
    #[error("unknown era `{era}`; known eras: {known}")]
    UnknownEra {
        /// The name.
        era: String,
        /// What there is.
        known: String,
    },
}

/// Every name that a scenario may demand: of notes and of faults.
fn demandable() -> impl Iterator<Item = &'static str> {
    Note::NAMES.iter().copied().chain(FaultKind::names())
}

impl Plan {
    /// Draws a run.
    ///
    /// # Errors
    /// When `[protocol]` names a rule, a value or an era that the model does not have,
    /// `expect.notes` something that cannot happen, or a configuration a value that is refused.
    pub fn new(scenario: &Scenario, seed: u64) -> Result<Self, PlanError> {
        Self::with_tables(scenario, seed, Tables::default())
    }

    /// As [`Self::new`], one of several runs that share the tables of the scenario.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_tables(scenario: &Scenario, seed: u64, tables: Tables) -> Result<Self, PlanError> {
        let rules = rules_of(scenario)?;
        // Each key has a stream of its own: another one that is drawn does not change it.
        let drawn = |path: &str, low: i64, high: i64| {
            let above = Stream::new(seed, &format!("config/{path}")).between(0, low.abs_diff(high));
            low.saturating_add_unsigned(above)
        };
        let mut scenario = scenario.settled(drawn);
        let settings = Settings::new(&scenario, &rules)?;
        let of_the_file = scenario.faults.len();
        if let Some(search) = scenario.search.take() {
            let found = search::faults(&scenario, &search, seed);
            scenario.faults.extend(found);
        }
        let unknown = |note: &&String| demandable().all(|name| name != note.as_str());
        if let Some(note) = scenario.expect.notes.iter().find(unknown) {
            let known = demandable().collect::<Vec<_>>().join(", ");
            return Err(PlanError::UnknownNote { note: note.clone(), known });
        }
        let mut swarm = Stream::new(seed, "swarm");
        let swarm_kinds: Vec<(std::mem::Discriminant<FaultKind>, bool)> = {
            let mut kinds = Vec::new();
            for fault in &scenario.faults {
                let kind = std::mem::discriminant(&fault.kind);
                if kinds.iter().all(|&(k, _)| k != kind) {
                    let on = !scenario.swarm.enabled || happens(scenario.swarm.keep, &mut swarm);
                    kinds.push((kind, on));
                }
            }
            kinds
        };
        let kept = |fault: &Fault| {
            let kind = std::mem::discriminant(&fault.kind);
            swarm_kinds.iter().any(|&(k, on)| k == kind && on)
        };
        let faults = scenario
            .faults
            .iter()
            .enumerate()
            .map(|(number, fault)| {
                let made_up = number >= of_the_file;
                let kept = made_up || kept(fault);
                PlannedFault { made_up, ..plan_fault(seed, number, fault, kept) }
            })
            .collect();
        Ok(Self { scenario, seed, rules, settings, faults, tables })
    }
}

impl Plan {
    /// Whether a broker is not there at the boot because a fault of this run adds it.
    pub(crate) fn adds(&self, broker: u32) -> bool {
        self.faults.iter().any(|planned| {
            let fault = &planned.fault;
            planned.on
                && (fault.kind, &fault.target) == (FaultKind::AddBroker, &Target::Broker(broker))
        })
    }
}

fn rules_of(scenario: &Scenario) -> Result<Rules, PlanError> {
    let mut rules = Rules::default();
    if let Some(name) = &scenario.era {
        let era = Era::of_name(name).ok_or_else(|| PlanError::UnknownEra {
            era: name.clone(),
            known: Era::ALL.iter().map(|era| era.name).collect::<Vec<_>>().join(", "),
        })?;
        era.apply(&mut rules);
    }
    for (rule, value) in &scenario.protocol {
        rules.set(rule, value).map_err(|unknown| match unknown {
            UnknownRule::Rule => PlanError::UnknownRule {
                rule: rule.clone(),
                known: Rules::ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
            },
            UnknownRule::Value(known) => PlanError::UnknownRuleValue {
                rule: rule.clone(),
                value: value.clone(),
                known: known.join(", "),
            },
        })?;
    }
    Ok(rules)
}

fn plan_fault(seed: u64, number: usize, fault: &Fault, kept: bool) -> PlannedFault {
    let own = fault.draws.map_or(number, |draws| draws as usize);
    let mut draws = Stream::new(seed, &format!("fault/{own}"));
    let (at, after) = match &fault.trigger {
        Trigger::At(drawn) => (Some(draws.between(drawn.low, drawn.high)), 0),
        Trigger::On { after, .. } => (None, draws.between(after.low, after.high)),
    };
    let lasts = fault.duration.map(|drawn| draws.between(drawn.low, drawn.high));
    let on = happens(fault.chance, &mut draws) && kept;
    let mut kind = fault.kind;
    let delay = kind.latency_mut().map_or(0, |latency| draws.between(latency.low, latency.high));
    let choice = draws.bits();
    PlannedFault { fault: fault.clone(), on, made_up: false, at, after, lasts, delay, choice }
}

fn happens(chance: Ratio, draws: &mut Stream) -> bool {
    draws.chance(chance.numerator, chance.denominator)
}
