//! The space-time diagram of a story: the same moments, with the messages between them.

use std::collections::{BTreeMap, BTreeSet};

use broker_model::note::Note;
use broker_model::types::Instant;
use reports::story::{Arrow, Line, Mark, MarkKind, Picture, Span, SpanKind};
use scenarios::model::{Cut, FaultKind};

use super::faults::api_name;
use super::labels::Drawn;
use super::stage::{LATE, Stage, span};
use crate::world::{FaultRecord, Heard, Party};

/// More messages than this are not drawn.
const ARROWS_MAX: usize = 34;
/// More lanes than this are not drawn.
const LANES_MAX: usize = 12;
/// More marks than this are not drawn.
const MARKS_MAX: usize = 30;
/// A message near a moment of the story belongs to it.
const NEAR: u64 = 5_000_000;
/// A message that matters less is drawn only if it is late.
const SCORE_MIN: u32 = 20;
/// Of messages that say the same between the same two, so many are drawn.
const ALIKE_MAX: usize = 2;

/// The part of a run that is drawn.
#[derive(Debug)]
pub(super) struct Window {
    /// From when on.
    pub(super) from: Instant,
    /// Until when.
    pub(super) until: Instant,
    /// When the moments of the story were.
    pub(super) moments: BTreeSet<Instant>,
    /// Where truth and belief part.
    pub(super) parted: Instant,
}

impl Window {
    fn has(&self, at: Instant) -> bool {
        self.from <= at && at <= self.until
    }

    fn is_near(&self, at: Instant) -> bool {
        let around = Instant(at.0.saturating_sub(NEAR))..=Instant(at.0 + NEAR);
        self.moments.range(around).next().is_some()
    }

    fn distance(&self, at: Instant) -> u64 {
        at.0.abs_diff(self.parted.0)
    }
}

/// What is drawn on the lane of a party.
struct At<T> {
    party: Party,
    what: T,
}

/// Since when, until when, what.
struct Lasting {
    from: Instant,
    until: Option<Instant>,
    kind: SpanKind,
    label: String,
}

#[derive(Default)]
struct Sketch {
    marks: Vec<At<(Instant, MarkKind, String)>>,
    spans: Vec<At<Lasting>>,
    arrows: Vec<(usize, Drawn)>,
    left_out: usize,
}

/// Draws what happened in a window, with these lines across all lanes.
pub(super) fn picture(
    stage: &Stage<'_>,
    window: &Window,
    lines: Vec<Line>,
    load_from: Option<u64>,
) -> Picture {
    let mut sketch = Sketch::default();
    sketch.notes(stage, window);
    for record in stage.world.fault_records().iter().filter(|record| record.struck) {
        sketch.fault(stage, window, record);
    }
    sketch.thin_marks(window);
    sketch.choose_arrows(stage, window);
    let (parties, lanes_left_out) = sketch.parties(stage);
    let lane = |party: Party| parties.iter().position(|one| *one == party);
    let mut picture = Picture {
        lanes: parties.iter().map(|party| stage.party(*party)).collect(),
        // What is judged at the end of the run is no event.
        lines: lines.into_iter().filter(|line| line.at <= window.until.0).collect(),
        leaders_of: stage.drawn_partition().map(|partition| stage.partition(partition)),
        load_from,
        arrows_left_out: sketch.left_out,
        lanes_left_out,
        ..Picture::default()
    };
    for (place, drawn) in sketch.arrows {
        let passage = &stage.hearing.passages[place];
        let (Some(from), Some(to)) = (lane(passage.from), lane(passage.to)) else { continue };
        let late = passage.arrived.is_some_and(|at| at.since(passage.sent) >= LATE);
        let arrived = passage.arrived.filter(|at| *at <= window.until).map(|at| at.0);
        // Its arrival is not in the picture, or nobody knows of it.
        let cut_short = arrived.is_none() && (passage.arrived.is_some() || passage.under_way);
        if !cut_short {
            let (sent, label) = (passage.sent.max(window.from).0, drawn.label);
            picture.arrows.push(Arrow { from, to, sent, arrived, late, label });
        }
    }
    for At { party, what: (at, kind, label) } in sketch.marks {
        let Some(lane) = lane(party) else { continue };
        picture.marks.push(Mark { lane, at: at.0, kind, label });
    }
    for At { party, what: Lasting { from, until, kind, label } } in sketch.spans {
        let Some(lane) = lane(party) else { continue };
        let until = until.filter(|at| *at <= window.until).map(|at| at.0);
        picture.spans.push(Span { lane, from: from.max(window.from).0, until, kind, label });
    }
    picture
}

impl Sketch {
    fn mark(&mut self, window: &Window, party: Party, at: Instant, kind: MarkKind, label: String) {
        if window.has(at) {
            self.marks.push(At { party, what: (at, kind, label) });
        }
    }

    fn span(
        &mut self,
        window: &Window,
        party: Party,
        (from, until): (Instant, Option<Instant>),
        kind: SpanKind,
        label: String,
    ) {
        if from <= window.until && until.is_none_or(|until| until >= window.from) {
            self.spans.push(At { party, what: Lasting { from, until, kind, label } });
        }
    }

    fn notes(&mut self, stage: &Stage<'_>, window: &Window) {
        let partition = stage.drawn_partition();
        let mut active: Option<Party> = None;
        let mut leads: BTreeMap<Party, (Instant, String)> = BTreeMap::new();
        let mut down: BTreeMap<Party, Instant> = BTreeMap::new();
        for (at, heard) in &stage.hearing.heard {
            let at = *at;
            match heard {
                Heard::Note(Note::QuorumLeader { node, .. }) => {
                    active = Some(Party::Controller(*node));
                }
                Heard::Note(Note::BecameLeader { node, partition: of, leader_epoch, start })
                    if Some(*of) == partition =>
                {
                    let party = Party::Broker(*node);
                    self.end_lead(window, &mut leads, party, at);
                    leads.insert(party, (at, format!("leads in epoch {leader_epoch}")));
                    let label = format!("leads in epoch {leader_epoch}, from {start}");
                    self.mark(window, party, at, MarkKind::Event, label);
                }
                Heard::Note(Note::BecameFollower { node, partition: of, leader_epoch })
                    if Some(*of) == partition =>
                {
                    let party = Party::Broker(*node);
                    if self.end_lead(window, &mut leads, party, at) {
                        let label = format!("follows, epoch {leader_epoch}");
                        self.mark(window, party, at, MarkKind::Event, label);
                    }
                }
                Heard::Stopped { node, lost, .. } => {
                    self.end_lead(window, &mut leads, *node, at);
                    down.insert(*node, at);
                    for (of, now, before) in lost.iter().filter(|(of, ..)| stage.subject.has(*of)) {
                        let name = stage.partition(*of);
                        let label = format!("not flushed: {name} ends at {now}, not {before}");
                        self.mark(window, *node, at, MarkKind::Cut, label);
                    }
                }
                Heard::Killed(party) => {
                    down.insert(*party, at);
                }
                Heard::Started(party, _) => {
                    if let Some(since) = down.remove(party) {
                        let label = "its process does not run".to_owned();
                        self.span(window, *party, (since, Some(at)), SpanKind::Down, label);
                        self.mark(window, *party, at, MarkKind::Start, "starts again".to_owned());
                    }
                }
                Heard::Note(note) if window.moments.contains(&at) => {
                    for (party, kind, label) in stage.marks_of(note, active) {
                        self.mark(window, party, at, kind, label);
                    }
                }
                _ => {}
            }
        }
        for (party, (since, label)) in leads {
            self.span(window, party, (since, None), SpanKind::Leads, label);
        }
        for (party, since) in down {
            let label = "its process does not run".to_owned();
            self.span(window, party, (since, None), SpanKind::Down, label);
        }
    }

    /// Whether it led.
    fn end_lead(
        &mut self,
        window: &Window,
        leads: &mut BTreeMap<Party, (Instant, String)>,
        party: Party,
        at: Instant,
    ) -> bool {
        let Some((since, label)) = leads.remove(&party) else { return false };
        self.span(window, party, (since, Some(at)), SpanKind::Leads, label);
        true
    }

    fn fault(&mut self, stage: &Stage<'_>, window: &Window, record: &FaultRecord) {
        let planned = &stage.world.plan().faults[record.number];
        let (label, lasts) = match planned.fault.kind {
            FaultKind::BrokerKill
            | FaultKind::ControllerKill
            | FaultKind::RestartAll
            | FaultKind::ServiceKill => ("killed".to_owned(), false),
            FaultKind::BrokerPowerCut => ("loses its power".to_owned(), false),
            FaultKind::BrokerStop | FaultKind::ServiceStop => ("asked to stop".to_owned(), false),
            FaultKind::BrokerPause | FaultKind::ServicePause => ("stands still".to_owned(), true),
            FaultKind::Partition { cut } => (cut_in_words(cut).to_owned(), true),
            FaultKind::Delay { message, to, .. } => {
                let to = to.map_or_else(String::new, |to| format!(" to broker {to}"));
                let what = message.map_or("messages".to_owned(), |kind| api_name(&kind.name()));
                let longer = span(planned.delay);
                (format!("{what}{to}: {longer} longer"), true)
            }
            FaultKind::LeaderMove { to } => {
                let to = to.map_or_else(String::new, |to| format!(" to broker {to}"));
                (format!("lead is moved{to}"), false)
            }
            FaultKind::DiskFailure { .. } => ("a disk fails".to_owned(), true),
            other => (other.name().replace('-', " "), true),
        };
        let names: Vec<&str> = record.resolved.split(", ").collect();
        let hit: Vec<Party> = stage
            .all_parties()
            .filter(|party| names.contains(&stage.party(*party).as_str()))
            .collect();
        for party in hit {
            self.mark(window, party, record.at, MarkKind::Fault, label.clone());
            if lasts {
                self.span(window, party, (record.at, record.until), SpanKind::Fault, label.clone());
            }
        }
    }

    /// Of more marks than there is room for, those farthest from where truth and belief part go,
    /// but no fault and no cut.
    fn thin_marks(&mut self, window: &Window) {
        while self.marks.len() > MARKS_MAX {
            let plain = self.marks.iter().enumerate();
            let plain =
                plain.filter(|(_, mark)| matches!(mark.what.1, MarkKind::Event | MarkKind::Start));
            let far = plain.max_by_key(|(_, mark)| window.distance(mark.what.0));
            let Some((place, _)) = far else { break };
            self.marks.remove(place);
        }
        self.marks.sort_by_key(|mark| (mark.what.0, mark.what.1 != MarkKind::Fault));
    }

    fn choose_arrows(&mut self, stage: &Stage<'_>, window: &Window) {
        let mut alike: BTreeMap<(Party, Party, String), usize> = BTreeMap::new();
        let mut found: Vec<(usize, Drawn)> = Vec::new();
        let mut told: BTreeMap<Party, String> = BTreeMap::new();
        for (place, passage) in stage.hearing.passages.iter().enumerate() {
            let seen = window.has(passage.sent) || passage.arrived.is_some_and(|at| window.has(at));
            let Some(mut drawn) = stage.drawn(passage) else { continue };
            // Of metadata only what is new to its receiver.
            let known = drawn.is_metadata
                && told.insert(passage.to, drawn.label.clone()).as_ref() == Some(&drawn.label);
            if !seen || known {
                continue;
            }
            let late = passage.arrived.is_none_or(|at| at.since(passage.sent) >= LATE);
            let near = window.is_near(passage.sent)
                || passage.arrived.is_some_and(|at| window.is_near(at));
            let matters = late && drawn.late_matters;
            if !matters && (!near || drawn.score < SCORE_MIN) {
                self.left_out += 1;
                continue;
            }
            let count = alike.entry((passage.from, passage.to, drawn.label.clone())).or_default();
            *count += 1;
            if *count > ALIKE_MAX {
                self.left_out += 1;
                continue;
            }
            drawn.score += if matters { 100 } else { 0 };
            found.push((place, drawn));
        }
        found.sort_by_key(|(place, drawn)| {
            let passage = &stage.hearing.passages[*place];
            (std::cmp::Reverse(drawn.score), window.distance(passage.sent))
        });
        self.left_out += found.len().saturating_sub(ARROWS_MAX);
        found.truncate(ARROWS_MAX);
        found.sort_by_key(|(place, _)| *place);
        self.arrows = found;
    }

    /// Who has a lane: controllers, brokers, then clients; and how many had no room.
    fn parties(&self, stage: &Stage<'_>) -> (Vec<Party>, usize) {
        let mut weight: BTreeMap<Party, usize> = BTreeMap::new();
        for mark in &self.marks {
            *weight.entry(mark.party).or_default() += 3;
        }
        for (place, _) in &self.arrows {
            let passage = &stage.hearing.passages[*place];
            *weight.entry(passage.from).or_default() += 1;
            *weight.entry(passage.to).or_default() += 1;
        }
        let mut parties: Vec<Party> = weight.keys().copied().collect();
        parties.sort_by_key(|party| std::cmp::Reverse(weight[party]));
        let left_out = parties.len().saturating_sub(LANES_MAX);
        parties.truncate(LANES_MAX);
        parties.sort_by_key(|party| match party {
            Party::Controller(id) => (0, id.0),
            Party::Broker(id) => (1, id.0),
            Party::Client(index) => (2, *index),
        });
        (parties, left_out)
    }
}

const fn cut_in_words(cut: Cut) -> &'static str {
    match cut {
        Cut::Full => "cut off",
        Cut::Inbound => "hears nothing",
        Cut::Outbound => "is not heard",
        Cut::Brokers => "cut off from brokers",
        Cut::Controller => "cut off from controllers",
        Cut::Clients => "cut off from services",
    }
}
