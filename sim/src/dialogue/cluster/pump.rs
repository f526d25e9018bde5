//! Brokers and controllers connected by an instant, lossless pump, with a clock that only
//! moves when somebody waits.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use broker_model::broker::Broker;
use broker_model::config::BrokerConfig;
use broker_model::controller::ControllerConfig;
use broker_model::io::{Context, Disconnected, Input, Output, Tag, Token};
use broker_model::names::Names;
use broker_model::note::Note;
use broker_model::protocol::{Header, Request, Response};
use broker_model::records::Batches;
use broker_model::rules::Rules;
use broker_model::types::{Duration, Instant, NodeId, Now, Offset, PartitionId, RackId, SECOND};

use super::controllers::{self, Seat};
use super::records::Texts;

/// Clients are numbered from here on.
pub(super) const FIRST_CLIENT: u32 = 1_000;
/// The wall clock at the start.
pub(super) const WALL: i64 = 1_760_000_000_000;
/// More steps than any wait of a sound model needs.
const STEPS_MAX: u64 = 5_000_000;

/// More of them than any instant of a sound model needs.
const SETTLE_MAX: u64 = 500_000;

/// How a client's request ended.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Answer {
    Response(Response),
    /// Wanted none (`acks=0`).
    Nothing,
    Disconnected,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Life {
    Running,
    Paused,
    Stopped,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) broker: Broker,
    pub(super) life: Life,
    /// It asked to be ended.
    pub(super) halted: bool,
    /// What reached it while it was paused.
    pub(super) inbox: Vec<Input>,
    /// The metadata that it had asked for when it was paused, and when it gives that up.
    pub(super) asked: Option<(Tag, Instant)>,
}

/// An open call between nodes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) from: NodeId,
    pub(super) tag: Tag,
    pub(super) to: NodeId,
    /// When it is given up, if that is soon: a fetch of metadata is.
    pub(super) until: Option<Instant>,
}

/// The machines of a dialogue.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) now: Instant,
    pub(super) controllers: BTreeMap<NodeId, Seat>,
    pub(super) nodes: BTreeMap<NodeId, Node>,
    pub(super) batches: Batches,
    pub(super) names: Names,
    pub(super) texts: Texts,
    pub(super) rules: Rules,
    /// `controller.quorum.request.timeout.ms`.
    metadata_timeout: Duration,
    pub(super) queue: VecDeque<(NodeId, Input)>,
    pub(super) calls: BTreeMap<Token, Call>,
    pub(super) clients: BTreeMap<Token, (u32, NodeId)>,
    pub(super) answers: BTreeMap<Token, Answer>,
    pub(super) tokens: u64,
    pub(super) incarnations: u64,
    /// The client whose command is carried out.
    pub(super) client: u32,
    /// Connections, by client, that a broker closed and whose client does not know yet.
    pub(super) closed: BTreeSet<(u32, NodeId)>,
    /// Connections that are not read before an instant, because their client is throttled.
    pub(super) muted: BTreeMap<(u32, NodeId), Instant>,
    /// What came on them meanwhile.
    pub(super) unread: Vec<(Token, Header, Request)>,
    /// A wait was given up because the model went on and on.
    pub(super) restless: bool,
    /// Processes that end themselves at once, with their reasons in Kafka's words.
    pub(super) halting: Vec<(NodeId, String)>,
    /// Nodes that have ended so, which the dialogue has not said yet.
    pub(super) ended: Vec<(NodeId, String)>,
}

impl Cluster {
    /// A cluster of brokers 1 to `n`, none started; with a controller in each node
    /// (`combined`), or one beside them.
    pub(super) fn new(n: u32, config: &BrokerConfig, combined: bool) -> Self {
        let voters = controllers::ids(n, combined);
        let node = |id| Node {
            broker: Broker::new(NodeId(id), Some(RackId(id)), config.clone())
                .with_controllers(voters.clone()),
            life: Life::Stopped,
            halted: false,
            inbox: Vec::new(),
            asked: None,
        };
        Self {
            now: Instant(0),
            controllers: controllers::seats(&voters, &ControllerConfig::from(config)),
            nodes: (1..=n).map(|id| (NodeId(id), node(id))).collect(),
            batches: Batches::new(),
            names: Names::default(),
            texts: Texts::default(),
            rules: Rules::default(),
            metadata_timeout: config.controller_quorum_request_timeout,
            queue: VecDeque::new(),
            calls: BTreeMap::new(),
            clients: BTreeMap::new(),
            answers: BTreeMap::new(),
            tokens: 0,
            incarnations: 0,
            client: FIRST_CLIENT,
            closed: BTreeSet::new(),
            muted: BTreeMap::new(),
            unread: Vec::new(),
            restless: false,
            halting: Vec::new(),
            ended: Vec::new(),
        }
    }

    // ---- requests of clients ----

    /// Sends a request and carries on as far as no time passes.
    pub(super) fn send(&mut self, to: NodeId, version: i16, request: Request) -> Token {
        let token = self.token();
        if self.closed.remove(&(self.client, to)) {
            self.answers.insert(token, Answer::Disconnected);
            return token;
        }
        self.clients.insert(token, (self.client, to));
        let header = Header { api_version: version, client: self.client };
        self.read(token, header, request);
        self.settle();
        token
    }

    /// A request that no broker reads: its connection is closed, and the client sees it.
    pub(super) fn refuse(&mut self) -> Token {
        let token = self.token();
        self.answers.insert(token, Answer::Disconnected);
        token
    }

    /// The answer of a request, once.
    pub(super) fn take_answer(&mut self, token: Token) -> Option<Answer> {
        self.answers.remove(&token)
    }

    pub(super) fn is_answered(&self, token: Token) -> bool {
        self.answers.contains_key(&token)
    }

    /// Waits for the answer, a minute at most.
    pub(super) fn wait_for(&mut self, token: Token) -> Option<Answer> {
        self.advance_until(60 * SECOND, |cluster| cluster.is_answered(token));
        self.take_answer(token)
    }

    // ---- time ----

    pub(super) fn advance(&mut self, time: Duration) {
        self.advance_until(time, |_| false);
    }

    /// Lets time pass until `done`, `limit` at most. Returns whether it came to that. Gives up
    /// when the model goes on without end.
    pub(super) fn advance_until(
        &mut self,
        limit: Duration,
        mut done: impl FnMut(&mut Self) -> bool,
    ) -> bool {
        let end = self.now + limit;
        for _ in 0..STEPS_MAX {
            self.settle();
            if self.restless {
                return false;
            }
            if done(self) {
                return true;
            }
            let next = self.next_deadline();
            if next > end {
                self.now = end;
                return false;
            }
            self.now = self.now.max(next);
            self.tick(next);
        }
        self.restless = true;
        false
    }

    fn next_deadline(&self) -> Instant {
        let running = self.nodes.values().filter(|n| n.life == Life::Running);
        let brokers = running.map(|n| n.broker.next_deadline());
        let brokers = brokers.chain(self.muted.values().copied());
        let seats = self.controllers.values().filter(|s| s.life == Life::Running);
        let seats = seats.map(|s| s.controller.next_deadline());
        brokers.chain(seats).fold(Instant::FAR, Instant::min)
    }

    fn tick(&mut self, due: Instant) {
        self.read_on();
        for (id, seat) in &self.controllers {
            if seat.life == Life::Running && seat.controller.next_deadline() <= due {
                self.queue.push_back((*id, Input::Tick));
            }
        }
        for (id, node) in &self.nodes {
            if node.life == Life::Running && node.broker.next_deadline() <= due {
                self.queue.push_back((*id, Input::Tick));
            }
        }
    }

    // ---- the pump ----

    /// Lets everything happen that takes no time. Gives up when there is no end of it, as when
    /// the settings make brokers ask again without a pause.
    pub(super) fn settle(&mut self) {
        for _ in 0..SETTLE_MAX {
            self.end_halting();
            let Some((to, input)) = self.queue.pop_front() else { return };
            self.deliver(to, input);
        }
        self.queue.clear();
        self.restless = true;
    }

    fn deliver(&mut self, to: NodeId, input: Input) {
        if self.controllers.contains_key(&to) {
            return self.deliver_to_controller(to, input);
        }
        let Some(node) = self.nodes.get_mut(&to) else { return };
        match node.life {
            Life::Stopped => {}
            Life::Paused => node.inbox.push(input),
            Life::Running => {
                let outputs = self.with_context(|cluster, cx| {
                    if let Some(node) = cluster.nodes.get_mut(&to) {
                        node.broker.handle(cx, input);
                    }
                });
                self.carry_out(to, outputs);
            }
        }
    }

    pub(super) fn with_context(
        &mut self,
        call: impl FnOnce(&mut Machines<'_>, &mut Context<'_>),
    ) -> Vec<Output> {
        let (mut outputs, mut notes) = (Vec::<Output>::new(), Vec::<Note>::new());
        let now = Now { instant: self.now, wall: self.wall() };
        let mut machines = Machines { controllers: &mut self.controllers, nodes: &mut self.nodes };
        let mut cx = Context {
            now,
            batches: &mut self.batches,
            names: &self.names,
            records: &self.texts,
            rules: &self.rules,
            outputs: &mut outputs,
            notes: &mut notes,
        };
        call(&mut machines, &mut cx);
        outputs
    }

    pub(super) fn carry_out(&mut self, from: NodeId, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Reply { token, response } => self.replied(token, response),
                Output::NoReply { token } => {
                    if self.clients.remove(&token).is_some() {
                        self.answers.insert(token, Answer::Nothing);
                    }
                }
                Output::Disconnect { token } => self.disconnect(token),
                Output::Send { to, tag, request } => {
                    let token = self.token();
                    let until = self.now + self.metadata_timeout;
                    let until = matches!(request, Request::FetchMetadata(_)).then_some(until);
                    self.calls.insert(token, Call { from, tag, to, until });
                    let header = Header { api_version: i16::MAX, client: from.0 };
                    self.deliver_request(to, token, header, request);
                }
                Output::Flush { partition, end, .. } => self.flush(from, partition, end),
                Output::Halt { reason, at_once: true } => self.halting.push((from, reason)),
                Output::Halt { at_once: false, .. } => {
                    if let Some(node) = self.nodes.get_mut(&from) {
                        node.halted = true;
                    }
                    if let Some(seat) = self.controllers.get_mut(&from) {
                        seat.halted = true;
                    }
                }
                Output::Recover { .. } => self.queue.push_back((from, Input::Recovered)),
                Output::Clean { partition, .. } => {
                    self.queue.push_back((from, Input::Cleaned { partition }));
                }
                Output::Append { .. }
                | Output::Rewrite { .. }
                | Output::Free { .. }
                | Output::Cut { .. } => {}
            }
        }
    }

    /// The broker closes the connection of a request; the next request on it finds that out.
    fn disconnect(&mut self, token: Token) {
        if let Some(call) = self.calls.remove(&token) {
            self.answer_call(call, Err(Disconnected));
        } else if let Some(connection) = self.clients.remove(&token) {
            self.answers.insert(token, Answer::Nothing);
            self.closed.insert(connection);
        }
    }

    fn flush(&mut self, node: NodeId, partition: Option<PartitionId>, end: Offset) {
        self.queue.push_back((node, Input::Flushed { partition, end }));
    }

    fn deliver_request(&mut self, to: NodeId, token: Token, header: Header, request: Request) {
        if self.is_up(to) {
            self.queue.push_back((to, Input::Request { token, header, request }));
        } else if let Some(call) = self.calls.remove(&token) {
            self.answer_call(call, Err(Disconnected));
        } else if self.clients.remove(&token).is_some() {
            self.answers.insert(token, Answer::Disconnected);
        }
    }

    fn replied(&mut self, token: Token, response: Response) {
        if let Some(call) = self.calls.remove(&token) {
            self.answer_call(call, Ok(response));
        } else if let Some((client, node)) = self.clients.remove(&token) {
            if response.throttle_time() > 0 {
                self.muted.insert((client, node), self.now + response.throttle_time());
            }
            self.answers.insert(token, Answer::Response(response));
        }
    }

    /// Requests on connections that are read again.
    fn read_on(&mut self) {
        let now = self.now;
        self.muted.retain(|_, until| *until > now);
        for (token, header, request) in std::mem::take(&mut self.unread) {
            self.read(token, header, request);
        }
    }

    /// A client's request reaches its broker, or waits in the socket while the client is
    /// throttled.
    fn read(&mut self, token: Token, header: Header, request: Request) {
        let Some(&(client, to)) = self.clients.get(&token) else { return };
        if self.muted.contains_key(&(client, to)) {
            self.unread.push((token, header, request));
        } else {
            self.deliver_request(to, token, header, request);
        }
    }

    pub(super) fn answer_call(&mut self, call: Call, result: Result<Response, Disconnected>) {
        self.queue.push_back((call.from, Input::Response { tag: call.tag, from: call.to, result }));
    }

    fn token(&mut self) -> Token {
        self.tokens += 1;
        Token(self.tokens)
    }
}

pub(super) struct Machines<'a> {
    pub(super) controllers: &'a mut BTreeMap<NodeId, Seat>,
    pub(super) nodes: &'a mut BTreeMap<NodeId, Node>,
}
