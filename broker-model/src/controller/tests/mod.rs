//! A controller alone, with a disk that flushes at once, asked what recordings of Apache
//! Kafka 4.1 were asked.

mod brokers;
mod directories;
mod elections;
mod failover;
mod isr;
mod laws;
mod reassignments;
mod snapshots;
mod topics;

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use super::{Controller, ControllerConfig};
use crate::controller::finalized_features;
use crate::io::{Context, Input, Output, StopKind, Token};
use crate::names::Names;
use crate::note::Note;
use crate::protocol::controller::{
    AlterPartitionRequest, BrokerHeartbeatRequest, BrokerHeartbeatResponse,
    BrokerRegistrationRequest, CreateTopicRequest, ElectLeadersRequest, ElectionType, WantedIsr,
};
use crate::protocol::{ErrorCode, Header, Request, Response};
use crate::records::{Batches, NoRecords, PartitionRecord};
use crate::rules::Rules;
use crate::types::{
    BrokerEpoch, DirectoryId, Instant, NodeId, Now, Offset, PartitionId, Release, SECOND, Timestamp,
};

/// A controller with its clock, and everything it said.
struct Fixture {
    controller: Controller,
    now: Instant,
    rules: Rules,
    replies: Vec<(Token, Response)>,
    notes: Vec<Note>,
    /// Notes of records before this offset were told.
    told: u64,
    tokens: u64,
    incarnations: u64,
}

impl Fixture {
    fn new(config: ControllerConfig) -> Self {
        let mut fixture = Self {
            controller: Controller::new(NodeId(100), config),
            now: Instant(0),
            rules: Rules::default(),
            replies: Vec::new(),
            notes: Vec::new(),
            told: 0,
            tokens: 0,
            incarnations: 0,
        };
        fixture.run(Controller::start);
        fixture
    }

    /// Brokers 1 to `n`, registered and unfenced.
    fn cluster(n: u32) -> Self {
        let mut fixture = Self::new(ControllerConfig::default());
        for broker in 1..=n {
            fixture.come(broker, -1);
        }
        fixture
    }

    fn run(&mut self, call: impl FnOnce(&mut Controller, &mut Context<'_>)) {
        let mut call = Some(call);
        self.run_dyn(&mut |c, cx| call.take().expect("called once")(c, cx));
    }

    fn run_dyn(&mut self, call: &mut dyn FnMut(&mut Controller, &mut Context<'_>)) {
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
        call(&mut self.controller, &mut cx);
        self.notes.extend(notes);
        let told = self.told;
        let news = self.controller.take_news().into_iter().filter(|(at, _)| *at >= told);
        self.notes.extend(news.map(|(_, note)| note));
        self.told = self.told.max(self.controller.committed_end());
        for output in outputs {
            match output {
                Output::Reply { token, response } => self.replies.push((token, response)),
                Output::Flush { partition, end, .. } => {
                    self.run_dyn(&mut |c, cx| c.handle(cx, Input::Flushed { partition, end }));
                }
                _ => {}
            }
        }
    }

    fn send(&mut self, request: Request) -> Token {
        self.tokens += 1;
        let token = Token(self.tokens);
        let input = Input::Request { token, header: Header::default(), request };
        self.run(|c, cx| c.handle(cx, input));
        token
    }

    fn ask(&mut self, request: Request) -> Response {
        let token = self.send(request);
        let (answered, response) = self.replies.pop().expect("it was answered");
        assert_eq!(answered, token);
        response
    }

    fn register(&mut self, broker: u32, previous: i64) -> Result<BrokerEpoch, ErrorCode> {
        self.register_with(broker, previous, &[])
    }

    fn register_with(
        &mut self,
        broker: u32,
        previous: i64,
        directories: &[DirectoryId],
    ) -> Result<BrokerEpoch, ErrorCode> {
        self.incarnations += 1;
        let request = BrokerRegistrationRequest {
            broker: NodeId(broker),
            incarnation: self.incarnations,
            rack: None,
            previous_broker_epoch: BrokerEpoch(previous),
            directories: directories.to_vec(),
        };
        match self.ask(Request::BrokerRegistration(request)) {
            Response::BrokerRegistration(r) if r.error == ErrorCode::None => Ok(r.broker_epoch),
            Response::BrokerRegistration(r) => Err(r.error),
            other => panic!("{other:?}"),
        }
    }

    /// Registers, as soon as the session of its last life is over, and unfences.
    fn come(&mut self, broker: u32, previous: i64) {
        self.come_with(broker, previous, &[]);
    }

    fn come_with(&mut self, broker: u32, previous: i64, directories: &[DirectoryId]) {
        for second in 0.. {
            match self.register_with(broker, previous, directories) {
                Ok(_) => break,
                Err(ErrorCode::DuplicateBrokerRegistration) if second < 12 => {
                    self.pass(SECOND, &[]);
                }
                Err(error) => panic!("it may not register: {error:?}"),
            }
        }
        assert!(!self.heartbeat(broker, false).fenced);
    }

    fn heartbeat(&mut self, broker: u32, want_shutdown: bool) -> BrokerHeartbeatResponse {
        let broker = NodeId(broker);
        let request = BrokerHeartbeatRequest {
            broker,
            broker_epoch: self.epoch(broker),
            metadata_offset: self.controller.committed_end(),
            want_fence: false,
            want_shutdown,
            offline_directories: Vec::new(),
        };
        match self.ask(Request::BrokerHeartbeat(request)) {
            Response::BrokerHeartbeat(r) => r,
            other => panic!("{other:?}"),
        }
    }

    fn epoch(&self, broker: NodeId) -> BrokerEpoch {
        self.controller.image().broker(broker).map_or(BrokerEpoch(-1), |b| b.epoch)
    }

    /// A controlled shutdown to its end. Returns the epoch to come back with.
    fn leave(&mut self, broker: u32) -> i64 {
        let others: Vec<u32> = self
            .controller
            .image()
            .brokers()
            .map(|(id, _)| id.0)
            .filter(|b| *b != broker)
            .collect();
        for _ in 0..2 {
            if self.heartbeat(broker, true).may_shut_down {
                break;
            }
            for other in &others {
                if self.controller.image().is_active(NodeId(*other)) {
                    self.heartbeat(*other, false);
                }
            }
        }
        assert!(self.heartbeat(broker, true).may_shut_down);
        self.epoch(NodeId(broker)).0
    }

    /// A broker falls silent until it is fenced; the others go on.
    fn kill(&mut self, broker: u32) {
        for _ in 0..12 {
            self.pass(SECOND, &[broker]);
        }
        assert!(!self.controller.image().is_active(NodeId(broker)), "{broker} is fenced by now");
    }

    /// Time passes; every unfenced broker but some sends a heartbeat.
    fn pass(&mut self, time: u64, silent: &[u32]) {
        self.now = self.now + time;
        let alive: Vec<u32> = self
            .controller
            .image()
            .brokers()
            .filter(|(id, b)| b.is_active() && !silent.contains(&id.0))
            .map(|(id, _)| id.0)
            .collect();
        for broker in alive {
            self.heartbeat(broker, false);
        }
        self.run(|c, cx| c.handle(cx, Input::Tick));
    }

    fn create(&mut self, name: &str, assignment: &[&[u32]], config: &[(&str, &str)]) -> ErrorCode {
        let assignment: Vec<Vec<NodeId>> =
            assignment.iter().map(|r| r.iter().copied().map(NodeId).collect()).collect();
        self.create_topic(CreateTopicRequest {
            name: name.to_string(),
            partitions: 0,
            replication_factor: 0,
            assignment,
            config: config.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
            internal: false,
        })
    }

    fn create_topic(&mut self, request: CreateTopicRequest) -> ErrorCode {
        match self.ask(Request::CreateTopics(request)) {
            Response::CreateTopics(r) => r.error,
            other => panic!("{other:?}"),
        }
    }

    fn partition(&self, id: u32) -> &PartitionRecord {
        self.controller.image().partition(PartitionId(id)).expect("the test made it")
    }

    /// As the oracle prints it: leader, epoch, ISR, ELR, last known ELR, partition epoch.
    fn describe(&self, id: u32) -> alloc::string::String {
        let p = self.partition(id);
        let list = |nodes: &[NodeId]| {
            let mut nodes: Vec<u32> = nodes.iter().map(|n| n.0).collect();
            nodes.sort_unstable();
            let texts: Vec<_> = nodes.iter().map(ToString::to_string).collect();
            if texts.is_empty() { "-".to_string() } else { texts.join(",") }
        };
        let leader = p.leader.map_or(-1, |l| i64::from(l.0));
        alloc::format!(
            "@{} leader={leader} epoch={} isr={} elr={} last={}{}",
            p.partition_epoch,
            p.leader_epoch,
            list(&p.isr),
            list(&p.eligible_leader_replicas),
            list(&p.last_known_elr),
            if p.recovering { " recovering" } else { "" }
        )
    }

    /// The leader's wish, in its present epochs.
    fn wish(&self, id: u32, isr: &[u32]) -> AlterPartitionRequest {
        let p = self.partition(id);
        let leader = p.leader.unwrap_or(NodeId(1));
        AlterPartitionRequest {
            broker: leader,
            broker_epoch: self.epoch(leader),
            partitions: vec![WantedIsr {
                partition: p.partition,
                leader_epoch: p.leader_epoch,
                partition_epoch: p.partition_epoch,
                isr: isr.iter().map(|b| (NodeId(*b), self.epoch(NodeId(*b)))).collect(),
                recovering: false,
            }],
        }
    }

    /// The error of a request for one partition, or of that partition.
    fn alter(&mut self, request: AlterPartitionRequest) -> ErrorCode {
        match self.ask(Request::AlterPartition(request)) {
            Response::AlterPartition(r) => r.partitions.first().map_or(r.error, |p| p.error),
            other => panic!("{other:?}"),
        }
    }

    /// The leader brings back or drops replicas; it must succeed.
    fn set_isr(&mut self, id: u32, isr: &[u32]) {
        let wish = self.wish(id, isr);
        assert_eq!(self.alter(wish), ErrorCode::None);
    }

    fn elect(&mut self, election: ElectionType, id: u32) -> ErrorCode {
        let request = ElectLeadersRequest { election, partition: PartitionId(id) };
        match self.ask(Request::ElectLeaders(request)) {
            Response::ElectLeaders(r) => r.error,
            other => panic!("{other:?}"),
        }
    }

    fn restart(&mut self, kind: StopKind) {
        let durable = i64::try_from(self.controller.committed_end()).expect("small");
        self.controller.stop(kind, Offset(durable));
        self.run(Controller::start);
    }
}

fn only(nodes: &[u32]) -> Vec<NodeId> {
    nodes.iter().copied().map(NodeId).collect()
}

#[test]
fn a_reply_waits_for_durability_and_so_do_notes_and_readers() {
    let mut controller = Controller::new(NodeId(100), ControllerConfig::default());
    let (mut outputs, mut notes) = (vec![], vec![]);
    let mut batches = Batches::new();
    let names = Names::default();
    let rules = Rules::default();
    let mut step = |input: Option<Input>| {
        let mut cx = Context {
            now: Now::default(),
            batches: &mut batches,
            names: &names,
            records: &NoRecords,
            rules: &rules,
            outputs: &mut outputs,
            notes: &mut notes,
        };
        match input {
            None => controller.start(&mut cx),
            Some(input) => controller.handle(&mut cx, input),
        }
        core::mem::take(&mut outputs)
    };
    let request =
        |token, request| Input::Request { token: Token(token), header: Header::default(), request };
    let fetch = crate::protocol::controller::FetchMetadataRequest { broker: NodeId(1), from: 4 };
    let features = finalized_features(Release::default()).len() as i64;
    let formatted = Offset(features);
    let out = step(None);
    assert!(matches!(out[..], [Output::Flush { end, .. }] if end == formatted), "{out:?}");
    assert!(step(Some(Input::Flushed { partition: None, end: formatted })).is_empty());
    assert!(step(Some(request(1, Request::FetchMetadata(fetch)))).is_empty());
    let register = BrokerRegistrationRequest {
        broker: NodeId(1),
        incarnation: 1,
        rack: None,
        previous_broker_epoch: BrokerEpoch(-1),
        directories: Vec::new(),
    };
    let out = step(Some(request(2, Request::BrokerRegistration(register.clone()))));
    assert!(matches!(out[..], [Output::Flush { partition: None, end: Offset(5), .. }]), "{out:?}");
    // The same incarnation asks again: nothing to write, yet the answer shows what is pending.
    let out = step(Some(request(3, Request::BrokerRegistration(register))));
    assert!(out.is_empty());
    let out = step(Some(Input::Flushed { partition: None, end: Offset(5) }));
    let tokens: Vec<u64> = out
        .iter()
        .map(|o| match o {
            Output::Reply { token, .. } => token.0,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(tokens, [2, 3, 1]);
}
