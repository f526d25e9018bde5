//! One of three controllers: the other two are played by hand.

use super::*;
use crate::io::{Disconnected, Tag};
use crate::protocol::controller::FetchMetadataRequest;
use crate::protocol::quorum::{
    BeginQuorumEpochRequest, FetchQuorumRequest, QuorumLeader, VoteResponse, VoterKey,
};
use crate::types::{DirectoryId, LeaderEpoch};

/// Controller 1 with its clock, a disk that flushes at once, and everything it said.
struct One {
    controller: Controller,
    now: Instant,
    replies: Vec<(Token, Response)>,
    sent: Vec<(Tag, NodeId, Request)>,
    halted: bool,
    tokens: u64,
}

impl One {
    fn new() -> Self {
        let voters = only(&[1, 2, 3]);
        let config = ControllerConfig::default();
        let mut one = Self {
            controller: Controller::of_quorum(NodeId(1), &voters, config, 1),
            now: Instant(0),
            replies: Vec::new(),
            sent: Vec::new(),
            halted: false,
            tokens: 0,
        };
        one.run(None);
        one
    }

    /// The active controller, whose features are committed.
    fn elected() -> Self {
        let mut one = Self::new();
        one.elect();
        one.fetch(2);
        one.fetch(2);
        assert!(one.controller.active().is_some());
        assert_eq!(one.controller.committed_end(), one.controller.quorum().end());
        one
    }

    fn run(&mut self, input: Option<Input>) {
        let (mut outputs, mut notes) = (Vec::new(), Vec::new());
        let mut cx = Context {
            now: Now { instant: self.now, wall: Timestamp(0) },
            batches: &mut Batches::new(),
            names: &Names::default(),
            records: &NoRecords,
            rules: &Rules::default(),
            outputs: &mut outputs,
            notes: &mut notes,
        };
        match input {
            None => self.controller.start(&mut cx),
            Some(input) => self.controller.handle(&mut cx, input),
        }
        for output in outputs {
            match output {
                Output::Reply { token, response } => self.replies.push((token, response)),
                Output::Send { to, tag, request } => self.sent.push((tag, to, request)),
                Output::Flush { end, .. } => {
                    self.run(Some(Input::Flushed { partition: None, end }));
                }
                Output::Halt { .. } => self.halted = true,
                other => panic!("{other:?}"),
            }
        }
    }

    /// Votes for it until it leads. Nobody answers anything else.
    fn elect(&mut self) {
        while !self.controller.quorum().is_leader() {
            let sent = core::mem::take(&mut self.sent);
            if sent.is_empty() {
                self.now = self.controller.next_deadline();
                self.run(Some(Input::Tick));
            }
            for (tag, from, request) in sent {
                let result = match request {
                    Request::Vote(r) => Ok(Response::Vote(VoteResponse {
                        error: ErrorCode::None,
                        known: QuorumLeader { epoch: r.epoch, leader: None },
                        granted: true,
                    })),
                    _ => Err(Disconnected),
                };
                self.run(Some(Input::Response { tag, from, result }));
            }
        }
    }

    fn send(&mut self, request: Request) -> Token {
        self.tokens += 1;
        let token = Token(self.tokens);
        self.run(Some(Input::Request { token, header: Header::default(), request }));
        token
    }

    /// Another voter has everything and asks for more.
    fn fetch(&mut self, voter: u32) {
        let quorum = self.controller.quorum();
        let end = quorum.end();
        let request = FetchQuorumRequest {
            replica: VoterKey { node: NodeId(voter), directory: DirectoryId(u64::from(voter)) },
            epoch: quorum.epoch(),
            from: end,
            last_epoch: quorum.epoch_at(end - 1).expect("a leader has a record"),
            high_watermark: quorum.committed(),
        };
        self.send(Request::FetchQuorum(request));
    }

    /// Controller 2 leads from now on.
    fn depose(&mut self) {
        let epoch = self.controller.quorum().epoch().next();
        let request = BeginQuorumEpochRequest { leader: NodeId(2), epoch };
        self.send(Request::BeginQuorumEpoch(request));
    }

    fn register(&mut self, broker: u32) -> Token {
        self.send(Request::BrokerRegistration(BrokerRegistrationRequest {
            broker: NodeId(broker),
            incarnation: 1,
            rack: None,
            previous_broker_epoch: BrokerEpoch(-1),
            directories: Vec::new(),
        }))
    }

    fn heartbeat(&mut self, broker: u32) -> Token {
        let epoch = self.controller.image().broker(NodeId(broker)).map(|b| b.epoch);
        self.send(Request::BrokerHeartbeat(BrokerHeartbeatRequest {
            broker: NodeId(broker),
            broker_epoch: epoch.unwrap_or(BrokerEpoch(-1)),
            metadata_offset: self.controller.committed_end(),
            want_fence: false,
            want_shutdown: false,
            offline_directories: Vec::new(),
        }))
    }

    fn read(&mut self) -> Token {
        let from = self.controller.committed_end();
        self.send(Request::FetchMetadata(FetchMetadataRequest { broker: NodeId(1), from }))
    }

    fn reply(&self, token: Token) -> Option<&Response> {
        self.replies.iter().find(|(t, _)| *t == token).map(|(_, response)| response)
    }

    fn error(&self, token: Token) -> Option<ErrorCode> {
        self.reply(token).map(|response| match response {
            Response::BrokerRegistration(r) => r.error,
            Response::BrokerHeartbeat(r) => r.error,
            Response::FetchMetadata(r) => r.error,
            other => panic!("{other:?}"),
        })
    }
}

#[test]
fn one_that_is_not_elected_refuses_to_decide_and_names_the_leader() {
    let mut one = One::new();
    one.depose();
    let (heartbeat, read) = (one.heartbeat(1), one.read());
    assert_eq!(one.error(heartbeat), Some(ErrorCode::NotController));
    let Some(Response::FetchMetadata(answer)) = one.reply(read) else { panic!("an answer") };
    assert_eq!(answer.error, ErrorCode::NotLeaderOrFollower);
    let known = QuorumLeader { epoch: LeaderEpoch(1), leader: Some(NodeId(2)) };
    assert_eq!(answer.leader, Some(known));
}

#[test]
fn it_decides_once_a_record_of_its_epoch_is_committed() {
    let mut one = One::new();
    one.elect();
    let early = one.register(1);
    assert_eq!(one.error(early), Some(ErrorCode::NotController), "it leads and is not active");
    one.fetch(2);
    let late = one.register(1);
    assert_eq!(one.error(late), None, "decided, not committed");
    one.fetch(3);
    assert_eq!(one.error(late), Some(ErrorCode::None));
}

#[test]
fn what_nobody_committed_is_undone_when_another_leads() {
    let mut one = One::elected();
    let committed = one.controller.committed_end();
    let (read, pending) = (one.read(), one.register(1));
    assert!(one.controller.image().broker(NodeId(1)).is_some());
    one.depose();
    assert_eq!(one.error(pending), Some(ErrorCode::NotController));
    assert_eq!(one.error(read), Some(ErrorCode::NotLeaderOrFollower));
    assert!(one.controller.image().broker(NodeId(1)).is_none());
    assert_eq!(one.controller.image().end(), committed);
}

#[test]
fn a_new_active_controller_gives_every_broker_a_whole_session() {
    let mut one = One::elected();
    one.register(1);
    one.fetch(2);
    one.heartbeat(1);
    one.fetch(2);
    assert!(one.controller.image().is_active(NodeId(1)));
    one.depose();
    one.now = one.now + 60 * SECOND;
    one.elect();
    one.fetch(2);
    let from = one.now;
    while one.controller.image().is_active(NodeId(1)) {
        one.now = one.controller.next_deadline();
        one.run(Some(Input::Tick));
        one.fetch(2);
    }
    assert!(one.now.since(from) > 9 * SECOND, "fenced after {}", one.now.since(from));
}

#[test]
fn a_leader_without_a_majority_turns_away_who_waits() {
    let mut one = One::elected();
    let pending = one.register(1);
    while one.controller.quorum().is_leader() {
        one.now = one.controller.next_deadline();
        one.run(Some(Input::Tick));
    }
    assert_eq!(one.now.since(Instant(0)) / SECOND, 4, "1.5 fetch time-outs after its election");
    assert_eq!(one.error(pending), Some(ErrorCode::NotController));
}

#[test]
fn one_that_is_asked_to_stop_resigns_and_waits_for_its_successor() {
    let mut one = One::elected();
    one.run(Some(Input::ControlledShutdown));
    assert!(!one.halted && one.controller.active().is_none());
    for (tag, from, _) in core::mem::take(&mut one.sent) {
        one.run(Some(Input::Response { tag, from, result: Err(Disconnected) }));
    }
    one.now = one.controller.next_deadline();
    one.run(Some(Input::Tick));
    let asked = |(_, _, r): &(Tag, NodeId, Request)| matches!(r, Request::EndQuorumEpoch(_));
    assert!(one.sent.iter().any(asked));
    one.depose();
    assert!(one.halted);
}
