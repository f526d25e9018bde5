//! Dialogues with the consumer, in the language of the recordings of the Java client: polls that
//! do not wait, a scripted network, a clock that moves when told to.

mod answer;
mod commands;
mod render;
mod setup;

use broker_model::names::Names;
use broker_model::protocol::{Request, Response};
use broker_model::records::Batches;
use broker_model::rules::Rules;
use broker_model::types::{GroupId, Instant, MILLISECOND, NodeId, Now, Timestamp};

use super::DialogueErrorKind;
use super::script::Script;
use crate::client::consumer::{CommitId, Consumer, ConsumerEvent, Polled};
use crate::client::{ClientContext, ClientOutput, Correlation, Disconnected};
use crate::prng::Stream;
use crate::records::RecordTable;
use answer::Maker;
use setup::{Cluster, Setup};

/// When the clocks of a dialogue start, in milliseconds.
const START_MS: u64 = 1_000_000;

impl Script for Run {
    const OPENING: &'static str = "consumer";

    fn begin(settings: &str) -> Result<Self, DialogueErrorKind> {
        let words: Vec<&str> = settings.split_whitespace().collect();
        Ok(Self::new(Setup::parse(&words)?))
    }

    fn command(&mut self, command: &str, reply: &mut Vec<String>) -> Result<(), DialogueErrorKind> {
        let words: Vec<&str> = command.split_whitespace().collect();
        self.act(&words)?;
        reply.append(&mut self.lines);
        Ok(())
    }
}

/// A request without an answer.
struct Open {
    number: u32,
    node: NodeId,
    coordinator: bool,
    correlation: Correlation,
    request: Request,
    ends_session: bool,
}

/// An answer on its way.
struct Arriving {
    open: Open,
    result: Result<Response, Disconnected>,
}

/// What a blocking call waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Commit(CommitId),
    Close,
}

/// A dialogue under way.
pub(super) struct Run {
    consumer: Consumer,
    cluster: Cluster,
    group: Option<GroupId>,
    now: Now,
    batches: Batches,
    names: Names,
    records: RecordTable,
    rules: Rules,
    draws: Stream,
    outputs: Vec<ClientOutput>,
    polled: Polled,
    lines: Vec<String>,
    /// Lines said so far.
    said: u32,
    /// Answers delivered so far.
    delivered: u32,
    requests: u32,
    open: Vec<Open>,
    arriving: Vec<Arriving>,
    /// Answers prepared for requests to come: kind and words.
    prepared: Vec<Vec<String>>,
    /// Nodes whose connections break with the next poll, and those that are not connected.
    broken: Vec<NodeId>,
    unconnected: Vec<(NodeId, bool)>,
    manual_metadata: bool,
    mute_fetches: bool,
    heartbeats: bool,
    leave_reason: &'static str,
    async_commits: Vec<CommitId>,
}

impl Run {
    fn new(setup: Setup) -> Self {
        let mut names = Names::default();
        let group = setup.group.as_deref().map(|name| names.group(name));
        let start = i64::try_from(START_MS).expect("small");
        Self {
            consumer: Consumer::scripted(setup.config, group, &[NodeId(0)]),
            group,
            now: Now { instant: Instant(START_MS * MILLISECOND), wall: Timestamp(start) },
            batches: Batches::new(),
            names,
            records: RecordTable::new(Timestamp(start)),
            rules: Rules::default(),
            draws: Stream::new(0, "consumer"),
            outputs: Vec::new(),
            polled: Polled::default(),
            lines: Vec::new(),
            said: 0,
            delivered: 0,
            requests: 0,
            open: Vec::new(),
            arriving: Vec::new(),
            prepared: Vec::new(),
            broken: Vec::new(),
            unconnected: (0..setup.cluster.brokers).map(|n| (NodeId(n), true)).collect(),
            cluster: setup.cluster,
            manual_metadata: setup.manual_metadata,
            mute_fetches: false,
            heartbeats: true,
            leave_reason: "",
            async_commits: Vec::new(),
        }
    }

    fn with<R>(
        &mut self,
        f: impl FnOnce(&mut Consumer, &mut ClientContext<'_>, &mut Polled) -> R,
    ) -> R {
        let mut cx = ClientContext {
            now: self.now,
            batches: &mut self.batches,
            names: &self.names,
            records: &mut self.records,
            rules: &self.rules,
            draws: &mut self.draws,
            outputs: &mut self.outputs,
        };
        f(&mut self.consumer, &mut cx, &mut self.polled)
    }

    fn say(&mut self, line: String) {
        self.said += 1;
        self.lines.push(line);
    }

    /// One poll without waiting: what is due, then what has arrived, then records.
    fn poll(&mut self) {
        self.leave_reason = "";
        if !self.consumer.is_subscribed() {
            self.say("poll throws IllegalStateException".to_owned());
            return;
        }
        let mut again = true;
        while again {
            self.with(|consumer, cx, out| consumer.poll(cx, out));
            // A rebalance goes on in the same poll once its listener has run.
            again = self.tell() && self.polled.records == 0;
        }
        self.flush();
        self.consumer.leave_poll();
        if self.polled.records == 0 {
            self.deliver();
            self.with(|consumer, cx, out| consumer.finish_poll(cx, out));
            self.flush();
        }
        self.tell();
        if self.polled.records > 0 {
            let text = render::records(&self.cluster, &self.polled.runs);
            self.say(format!("records {text}"));
        }
    }

    /// The network brings at most one answer of each connection.
    fn deliver(&mut self) {
        for node in std::mem::take(&mut self.broken) {
            self.say(format!("disconnected node={node}"));
            self.unconnected.push((node, false));
            let lost = self.open.extract_if(.., |o| o.node == node && !o.coordinator);
            let lost: Vec<Open> = lost.collect();
            self.arriving
                .extend(lost.into_iter().map(|open| Arriving { open, result: Err(Disconnected) }));
        }
        let mut seen: Vec<(NodeId, bool)> = Vec::new();
        for Arriving { open, result } in std::mem::take(&mut self.arriving) {
            let link = (open.node, open.coordinator);
            if seen.contains(&link) {
                self.arriving.push(Arriving { open, result });
                continue;
            }
            seen.push(link);
            self.delivered += 1;
            if let Ok(Response::FindCoordinator(r)) = &result
                && let Some(node) = r.node
            {
                // The Java client connects before it has anything to send.
                self.connect((node, true));
            }
            self.with(|consumer, cx, _| consumer.response(cx, open.node, open.correlation, result));
            self.flush();
        }
    }

    /// Tells events; says whether a rebalance waits for the application's next step.
    fn tell(&mut self) -> bool {
        let mut rebalance = false;
        while let Some(event) = self.consumer.poll_event() {
            let line = match event {
                ConsumerEvent::Revoked(p) => {
                    rebalance = true;
                    format!("revoked [{}]", self.cluster.names(&p, ", "))
                }
                ConsumerEvent::Lost(p) => {
                    rebalance = true;
                    format!("lost [{}]", self.cluster.names(&p, ", "))
                }
                ConsumerEvent::Assigned(p) => {
                    rebalance = true;
                    format!("assigned [{}]", self.cluster.names(&p, ", "))
                }
                ConsumerEvent::Committed { id, result } => {
                    let Some(number) = self.commit_number(id) else { continue };
                    match result {
                        Ok(()) => format!("c{number} ok"),
                        Err(error) => format!("c{number} error {}", render::commit_error(error)),
                    }
                }
                ConsumerEvent::Error(error) => {
                    format!("poll throws {}", render::poll_error(&self.cluster, &error))
                }
                ConsumerEvent::Closed => continue,
            };
            self.say(line);
        }
        rebalance
    }

    /// Shows what was sent; what is prepared is answered.
    fn flush(&mut self) {
        for output in std::mem::take(&mut self.outputs) {
            match output {
                ClientOutput::Send { to, correlation, request, .. } => {
                    self.sent((to, false), correlation, request);
                }
                ClientOutput::SendToCoordinator { to, correlation, request, .. } => {
                    self.sent((to, true), correlation, request);
                }
                // A consumer does not wait for its connections.
                ClientOutput::Connect { .. } => {}
                ClientOutput::Close { to } => self.closed(to, false),
                ClientOutput::CloseCoordinator { to } => self.closed(to, true),
            }
        }
    }

    fn closed(&mut self, node: NodeId, coordinator: bool) {
        let prefix = if coordinator { "coordinator-" } else { "" };
        self.say(format!("close-connection node={prefix}{node}"));
        self.unconnected.push((node, coordinator));
        self.open.retain(|o| o.node != node || o.coordinator != coordinator);
        self.arriving.retain(|a| a.open.node != node || a.open.coordinator != coordinator);
    }

    fn connect(&mut self, link: (NodeId, bool)) {
        if let Some(at) = self.unconnected.iter().position(|&l| l == link) {
            self.unconnected.remove(at);
            let prefix = if link.1 { "coordinator-" } else { "" };
            self.say(format!("connect node={prefix}{}", link.0));
        }
    }

    fn sent(&mut self, link: (NodeId, bool), correlation: Correlation, request: Request) {
        let ends_session = matches!(&request, Request::Fetch(r) if r.session_epoch < 0);
        if ends_session && self.mute_fetches {
            return;
        }
        self.connect(link);
        if let Request::LeaveGroup(_) = request
            && self.leave_reason.starts_with("consumer poll")
        {
            self.heartbeats = false;
        }
        self.requests += 1;
        let group = self.group.map_or("", |id| self.names.group_name(id));
        let line = render::request(&self.cluster, group, link, &request, self.leave_reason);
        let line = format!("r{} {line}", self.requests);
        let open = Open {
            number: self.requests,
            node: link.0,
            coordinator: link.1,
            correlation,
            ends_session,
            request,
        };
        let kind = render::kind(&open.request);
        let prepared = self.prepared.iter().position(|p| p.first().is_some_and(|k| k == kind));
        let words = match prepared {
            Some(at) => Some(self.prepared.remove(at)),
            None if kind == "metadata" && !self.manual_metadata => Some(vec![]),
            None => None,
        };
        let words: Option<Vec<&str>> =
            words.as_ref().map(|w| w.iter().skip(1).map(String::as_str).collect());
        match words.map(|w| self.answer(&open.request, &w)) {
            Some(Ok(response)) => {
                self.say(format!("{line} (answered)"));
                self.arriving.push(Arriving { open, result: Ok(response) });
            }
            _ => {
                self.say(line);
                self.open.push(open);
            }
        }
    }

    fn answer(&mut self, request: &Request, words: &[&str]) -> Result<Response, DialogueErrorKind> {
        let (batches, records) = (&mut self.batches, &mut self.records);
        Maker { cluster: &self.cluster, batches, records }.answer(request, words)
    }

    /// A call that blocks: answers arrive, and time passes when nothing else can happen.
    fn wait_for(&mut self, ending: Ending) -> Result<Option<ConsumerEvent>, DialogueErrorKind> {
        for _ in 0..1_000 {
            self.flush();
            while let Some(event) = self.consumer.poll_event() {
                match (&event, ending) {
                    (ConsumerEvent::Committed { id, .. }, Ending::Commit(wanted))
                        if *id == wanted =>
                    {
                        return Ok(Some(event));
                    }
                    (ConsumerEvent::Closed, Ending::Close) => return Ok(Some(event)),
                    (ConsumerEvent::Revoked(p) | ConsumerEvent::Lost(p), _) => {
                        let lost = matches!(event, ConsumerEvent::Lost(_));
                        let word = if lost { "lost" } else { "revoked" };
                        let names = self.cluster.names(p, ", ");
                        self.say(format!("{word} [{names}]"));
                    }
                    _ => {}
                }
            }
            if self.arriving.is_empty() {
                self.with(|consumer, cx, _| consumer.turn(cx));
                if self.outputs.is_empty() && !self.consumer.has_events() {
                    let deadline = self.consumer.next_deadline();
                    let ms = deadline.since(self.now.instant) / MILLISECOND;
                    if deadline == Instant::FAR || ms == 0 {
                        return Ok(None);
                    }
                    self.pass(ms);
                    self.say(format!("slept {ms}ms"));
                    self.with(|consumer, cx, _| consumer.turn(cx));
                }
            } else {
                self.deliver();
            }
        }
        Err(DialogueErrorKind::Restless)
    }
}
