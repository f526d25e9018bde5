//! The story of a run in which something was violated: who believed what, in order of events.
//!
//! A run is a function of its plan. So the run that found the violation keeps nothing; once it is
//! known what was violated, the same run is done again with somebody listening
//! ([`World::attend`]), and what was heard is told by area: `faults`, `processes`,
//! `leaders`, `records`, `messages`, `transactions`, `groups`. Then `choose` keeps what
//! matters.

mod choose;
mod faults;
mod groups;
mod labels;
mod leaders;
mod logs;
mod marks;
mod messages;
mod picture;
mod processes;
mod progress;
mod records;
mod stage;
mod subject;
mod transactions;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use broker_model::broker::Broker;
use broker_model::types::{Instant, Offset, PartitionId};
use reports::checker::Violation;
use reports::story::Story;

use self::groups::Groups;
use self::leaders::Leaders;
use self::logs::Logs;
use self::progress::Progress;
use self::records::Records;
use self::stage::{Beat, Stage, Weight};
use self::subject::Subject;
use self::transactions::Transactions;
use crate::run::{self, Run};
use crate::world::{FaultRecord, Heard, Hearing, Node, World};

/// A run of more events than this is not told: shrink it first.
pub const EVENTS_MAX: u64 = 200_000;

/// What there is to tell of a run.
#[derive(Clone, PartialEq, Debug)]
pub enum Told {
    /// This happened.
    Story(Box<Story>),
    /// Nothing was violated.
    NothingWrong,
    /// More happened than a person can follow.
    TooLong {
        /// Events of the run.
        events: u64,
    },
}

/// Tells what happened in a run that violated something: the first violation that is `wanted`, else
/// what it is remembered for.
///
/// # Panics
/// When the run is another the second time, which is a bug.
#[must_use]
pub fn of(run: &Run, wanted: &dyn Fn(&Violation) -> bool) -> Told {
    let Some(subject) = Subject::of(&run.summary, &run.world, wanted) else {
        return Told::NothingWrong;
    };
    let events = run.world.trace().events();
    if events > EVENTS_MAX {
        return Told::TooLong { events };
    }
    let mut world = run::world_of(run.world.plan().clone());
    world.attend(subject.partitions.clone());
    while world.step() {}
    assert_eq!(
        world.trace().digest(),
        run.world.trace().digest(),
        "whoever listens changes nothing"
    );
    let hearing = world.take_heard();
    Told::Story(Box::new(tell(&world, &hearing, &subject)))
}

/// Tells what was heard.
fn tell(world: &World, hearing: &Hearing, subject: &Subject) -> Story {
    let load_from = world.recorder().phases().load_from_ns();
    let from = Instant(load_from.unwrap_or(0));
    let (mut stage, mut beats) = beats(world, hearing, subject, from);
    // What went wrong before the load has what led to it there too.
    if let Some(wrong) = choose::first_verdict(&beats).filter(|at| *at < from) {
        (stage, beats) = self::beats(world, hearing, subject, beginning(world, wrong));
    }
    choose::story(&stage, beats, load_from)
}

/// Partitions in which anybody has a record at the end.
fn used(world: &World) -> BTreeSet<PartitionId> {
    let brokers: Vec<&Broker> = world.nodes().iter().filter_map(Node::broker).collect();
    let has = |broker: &&Broker, partition: PartitionId| {
        broker.replica(partition).is_some_and(|replica| replica.log().log_end_offset() > Offset(0))
    };
    world.partitions().filter(|p| brokers.iter().any(|broker| has(broker, *p))).collect()
}

/// When that began which had gone wrong by then: with the first fault, else with the run.
fn beginning(world: &World, wrong: Instant) -> Instant {
    let struck = world.fault_records().iter().filter(|record| record.struck);
    let first = struck.map(|record| record.at).filter(|at| *at <= wrong).min();
    first.unwrap_or(Instant(0))
}

/// All lines there are, in order, those from a moment on in full.
fn beats<'a>(
    world: &'a World,
    hearing: &'a Hearing,
    subject: &'a Subject,
    from: Instant,
) -> (Stage<'a>, Vec<Beat>) {
    let mut stage = Stage {
        world,
        hearing,
        subject,
        logs: Logs::default(),
        started: BTreeSet::new(),
        used: used(world),
        leading: BTreeMap::new(),
        now: Instant(0),
        from,
        beats: Vec::new(),
    };
    let mut areas = Areas::default();
    let mut faults = fault_moments(world.fault_records()).into_iter().peekable();
    for (at, heard) in &hearing.heard {
        while let Some((_, record, begins)) = faults.next_if(|(when, ..)| when <= at) {
            areas.fault(&mut stage, record, begins);
        }
        areas.hear(&mut stage, *at, heard);
    }
    for (_, record, begins) in faults {
        areas.fault(&mut stage, record, begins);
    }
    areas.transactions.tell_runs(&mut stage);
    areas.groups.tell_commits(&mut stage);
    let beats = std::mem::take(&mut stage.beats);
    let mut beats = transactions::fold_quiet(&stage, beats);
    beats.sort_by_key(|beat| beat.at);
    let Areas { lost_at, records, groups, .. } = &areas;
    let known = verdict::Known { losses: lost_at, records, groups };
    let beats = verdict::with_violations(&stage, beats, &known);
    (stage, beats)
}

/// When faults strike and end, in order; at one time those that strike come last.
fn fault_moments(records: &[FaultRecord]) -> Vec<(Instant, &FaultRecord, bool)> {
    let begins = records.iter().map(|record| (record.at, record, true));
    let ends = records.iter().filter_map(|record| Some((record.until?, record, false)));
    let mut all: Vec<_> = begins.chain(ends).collect();
    all.sort_by_key(|(at, _, begins)| (*at, *begins));
    all
}

/// Everybody who tells a part.
#[derive(Default, Debug)]
struct Areas {
    leaders: Leaders,
    records: Records,
    progress: Progress,
    transactions: Transactions,
    groups: Groups,
    /// When acknowledged records were on no log any more.
    lost_at: Vec<verdict::Loss>,
}

impl Areas {
    fn fault(&mut self, stage: &mut Stage<'_>, record: &FaultRecord, begins: bool) {
        stage.now = if begins { record.at } else { record.until.unwrap_or(record.at) };
        if begins {
            if record.struck {
                self.take_stock(stage);
            }
            stage.fault_begins(record);
        } else {
            stage.fault_ends(record);
        }
    }

    fn hear(&mut self, stage: &mut Stage<'_>, at: Instant, heard: &Heard) {
        stage.now = at;
        let cuts = stage.logs.hear(heard);
        let before = stage.beats.len();
        self.leaders.hear(stage, heard);
        self.records.hear(stage, heard, &cuts);
        stage.hear_process(heard);
        stage.hear_message(heard);
        self.transactions.hear(stage, heard);
        self.groups.hear(stage, heard);
        self.lost_at.extend(verdict::losses(stage, heard, &cuts));
        stage.follow_leader(heard);
        // Whoever reads of a new leader wants to know what was at stake.
        let turns = stage.beats[before..].iter().any(|beat| {
            beat.weight >= Weight::Strong && beat.kind == reports::story::MomentKind::Leader
        });
        if turns {
            let new = stage.beats.split_off(before);
            self.take_stock(stage);
            stage.beats.extend(new);
        }
        self.progress.hear(stage, heard);
    }

    /// Says how far everybody is.
    fn take_stock(&mut self, stage: &mut Stage<'_>) {
        self.transactions.tell_runs(stage);
        self.groups.tell_commits(stage);
        let lines = self.progress.lines(stage, &self.leaders);
        stage.beats.extend(lines);
    }
}
