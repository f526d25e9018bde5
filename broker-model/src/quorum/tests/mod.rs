//! Quorums without a network: messages are delivered at once unless a link is cut, and disks
//! flush at once unless they are held.

mod chaos;
mod elections;
mod replication;
mod snapshots;
mod timers;

use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;

use super::{Quorum, QuorumConfig};
use crate::config::BrokerConfig;
use crate::io::{Context, Disconnected, Output, StopKind, Tag, Token};
use crate::names::Names;
use crate::note::Note;
use crate::protocol::quorum::VoterKey;
use crate::protocol::{Request, Response};
use crate::records::{Batches, MetadataRecord, NoRecords};
use crate::rules::Rules;
use crate::types::{
    DirectoryId, Duration, Instant, LeaderEpoch, MILLISECOND, NodeId, Now, Offset, ProducerId,
    Release, SECOND, Timestamp,
};

#[derive(Debug)]
enum Mail {
    Request { from: usize, tag: Tag, to: usize, request: Request },
    Answer { to: usize, tag: Tag, result: Result<Response, Disconnected> },
}

/// Voters 0 to n-1 with the node ids 1 to n.
struct Voters {
    quorums: Vec<Quorum>,
    up: Vec<bool>,
    /// Flushes of these disks do not end.
    held: Vec<Option<Vec<Offset>>>,
    /// Cut links, each direction.
    cuts: Vec<(usize, usize)>,
    /// Who asked what under a token of a voter.
    asked: Vec<Vec<(Token, usize, Tag)>>,
    now: Instant,
    rules: Rules,
    tokens: u64,
    notes: Vec<Note>,
    mail: VecDeque<Mail>,
    halted: Vec<usize>,
    /// Deadlines of the same instant are met before any message arrives. Real clocks differ.
    in_step: bool,
    /// Fetches get lost.
    no_fetches: bool,
    /// How often each voter was told who leads.
    told: Vec<u32>,
    /// So many more pieces of snapshots arrive; later ones get lost. `None`: all arrive.
    pieces_let_through: Option<u32>,
    /// Pieces that arrived: where, from which byte on, and how many.
    pieces: Vec<(usize, u64, u64)>,
}

impl Voters {
    fn new(n: u32) -> Self {
        Self::with(n, Rules::default(), Release::V4_1)
    }

    fn with(n: u32, rules: Rules, release: Release) -> Self {
        let key = |n: u32| VoterKey { node: NodeId(n), directory: DirectoryId(u64::from(n)) };
        let keys: Vec<VoterKey> = (1..=n).map(key).collect();
        let config = QuorumConfig { release, ..QuorumConfig::from(&BrokerConfig::default()) };
        let one = |k: &VoterKey| Quorum::new(*k, keys.clone(), config.clone(), u64::from(k.node.0));
        let count = keys.len();
        let mut voters = Self {
            quorums: keys.iter().map(one).collect(),
            up: vec![false; count],
            held: vec![None; count],
            cuts: Vec::new(),
            asked: vec![Vec::new(); count],
            now: Instant(0),
            rules,
            tokens: 0,
            notes: Vec::new(),
            mail: VecDeque::new(),
            halted: Vec::new(),
            in_step: true,
            no_fetches: false,
            told: vec![0; count],
            pieces_let_through: None,
            pieces: Vec::new(),
        };
        for i in 0..count {
            voters.start(i);
        }
        voters
    }

    fn start(&mut self, i: usize) {
        self.up[i] = true;
        self.run(i, &mut |q, cx| q.start(cx));
        self.settle();
    }

    fn stop(&mut self, i: usize, kind: StopKind) {
        self.up[i] = false;
        self.held[i] = None;
        let durable = i64::try_from(self.quorums[i].durable_end()).expect("small");
        self.quorums[i].stop(kind, Offset(durable));
        for (_, from, tag) in core::mem::take(&mut self.asked[i]) {
            self.mail.push_back(Mail::Answer { to: from, tag, result: Err(Disconnected) });
        }
        self.settle();
    }

    fn cut(&mut self, a: usize, b: usize) {
        self.cuts.extend([(a, b), (b, a)]);
    }

    fn isolate(&mut self, i: usize) {
        for other in 0..self.quorums.len() {
            if other != i {
                self.cut(i, other);
            }
        }
    }

    fn run(&mut self, i: usize, call: &mut dyn FnMut(&mut Quorum, &mut Context<'_>)) {
        let (mut outputs, mut notes) = (Vec::new(), Vec::new());
        let mut batches = Batches::new();
        let mut cx = Context {
            now: Now { instant: self.now, wall: Timestamp(0) },
            batches: &mut batches,
            names: &Names::default(),
            records: &NoRecords,
            rules: &self.rules,
            outputs: &mut outputs,
            notes: &mut notes,
        };
        call(&mut self.quorums[i], &mut cx);
        self.quorums[i].drive(&mut cx);
        self.notes.extend(notes);
        for output in outputs {
            self.carry_out(i, output);
        }
    }

    fn carry_out(&mut self, i: usize, output: Output) {
        match output {
            Output::Send { to, tag, request } => {
                let to = (to.0 - 1) as usize;
                self.mail.push_back(Mail::Request { from: i, tag, to, request });
            }
            Output::Reply { token, response } => {
                let place = self.asked[i].iter().position(|a| a.0 == token);
                if let Some(place) = place {
                    let (_, to, tag) = self.asked[i].remove(place);
                    let lost = self.cuts.contains(&(i, to)) || self.loses_piece(to, &response);
                    let result = if lost { Err(Disconnected) } else { Ok(response) };
                    self.mail.push_back(Mail::Answer { to, tag, result });
                }
            }
            Output::Flush { end, .. } => match &mut self.held[i] {
                Some(held) => held.push(end),
                None => self.run(i, &mut |q, cx| q.flushed(cx, end)),
            },
            Output::Halt { .. } => {
                self.halted.push(i);
                self.up[i] = false;
            }
            other => panic!("{other:?}"),
        }
    }

    /// Whether an answer with a piece of a snapshot gets lost.
    fn loses_piece(&mut self, to: usize, response: &Response) -> bool {
        let Response::FetchSnapshot(answer) = response else { return false };
        let Some(piece) = &answer.piece else { return false };
        if self.pieces_let_through == Some(0) {
            return true;
        }
        self.pieces_let_through = self.pieces_let_through.map(|left| left - 1);
        self.pieces.push((to, piece.position, piece.bytes));
        false
    }

    /// The disk of a voter ends what it was asked to flush.
    fn release(&mut self, i: usize) {
        for end in self.held[i].take().unwrap_or_default() {
            self.run(i, &mut |q, cx| q.flushed(cx, end));
        }
        self.settle();
    }

    fn settle(&mut self) {
        for _ in 0..100_000 {
            let Some(mail) = self.mail.pop_front() else { return };
            match mail {
                Mail::Answer { to, tag, result } => {
                    if self.up[to] {
                        self.run(to, &mut |q, cx| q.answered(cx, tag, result.clone()));
                    }
                }
                Mail::Request { from, tag, to, request } => {
                    let fetch = matches!(request, Request::FetchQuorum(_)) && self.no_fetches;
                    if fetch || !self.up[to] || self.cuts.contains(&(from, to)) {
                        let result = Err(Disconnected);
                        self.mail.push_back(Mail::Answer { to: from, tag, result });
                        continue;
                    }
                    self.told[to] += u32::from(matches!(request, Request::BeginQuorumEpoch(_)));
                    self.tokens += 1;
                    let token = Token(self.tokens);
                    self.asked[to].push((token, from, tag));
                    self.run(to, &mut |q, cx| q.request(cx, token, request.clone()));
                }
            }
        }
        panic!("the voters go on for ever without time");
    }

    /// Time passes, at least a millisecond at each step.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            let next = (0..self.quorums.len())
                .filter(|i| self.up[*i])
                .map(|i| self.quorums[i].next_deadline())
                .fold(end, Instant::min);
            self.now = next.max(self.now + MILLISECOND).min(end);
            for i in 0..self.quorums.len() {
                if self.up[i] && self.quorums[i].next_deadline() <= self.now {
                    self.run(i, &mut |q, cx| q.tick(cx));
                }
                if !self.in_step {
                    self.settle();
                }
            }
            self.settle();
        }
    }

    fn leaders(&self) -> Vec<usize> {
        (0..self.quorums.len()).filter(|i| self.up[*i] && self.quorums[*i].is_leader()).collect()
    }

    /// The established leader of the latest epoch.
    fn leader(&self) -> Option<usize> {
        let established = |i: &usize| self.up[*i] && self.quorums[*i].established().is_some();
        (0..self.quorums.len()).filter(established).max_by_key(|i| self.quorums[*i].epoch())
    }

    /// Waits until there is one.
    fn elect(&mut self) -> usize {
        for _ in 0..100 {
            if let Some(leader) = self.leader() {
                return leader;
            }
            self.pass(100 * MILLISECOND);
        }
        panic!("nobody is elected: {:?}", self.quorums)
    }

    fn append(&mut self, leader: usize, value: i64) {
        let record = MetadataRecord::ProducerIds { next: ProducerId(value) };
        self.run(leader, &mut |q, _| q.append(record.clone()));
        self.settle();
    }

    /// The values that a voter knows to be committed.
    fn committed(&self, i: usize) -> Vec<i64> {
        values(self.quorums[i].committed_from(0))
    }

    fn epoch(&self, i: usize) -> i32 {
        self.quorums[i].epoch().0
    }
}

fn values(records: &[MetadataRecord]) -> Vec<i64> {
    let value = |r: &MetadataRecord| match r {
        MetadataRecord::ProducerIds { next } => Some(next.0),
        _ => None,
    };
    records.iter().filter_map(value).collect()
}

fn others(n: usize, but: usize) -> Vec<usize> {
    (0..n).filter(|i| *i != but).collect()
}
