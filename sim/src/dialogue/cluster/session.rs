//! One dialogue being run: its names, its variables, its open requests.

use std::collections::{BTreeMap, BTreeSet};

use broker_model::config::{BrokerConfig, ConfigError};
use broker_model::io::Token;
use broker_model::protocol::coordinator::CoordinatorKey;
use broker_model::protocol::{ErrorCode, Request, Response, versions};
use broker_model::types::{Duration, MILLISECOND, NodeId, PartitionId, SECOND};
use scenarios::diagnostic::nearest;
use scenarios::kafka_keys::Version;
use scenarios::model::Scope;

use super::args::{self, Args};
use super::member_names::MemberNames;
use super::pump::{Answer, Cluster, FIRST_CLIENT};
use super::reply::{Normal, Reply, Values};
use super::{DialogueErrorKind, directories, verbs};

/// Time between two commands: some of Kafka's answers tell apart what came at the same time.
const BETWEEN: Duration = 5 * MILLISECOND;
/// How often a request is tried again while its coordinator loads.
const TRIES: u32 = 100;

/// How the answer of a request becomes text.
pub(super) type Render = Box<dyn FnOnce(&mut Session, Response) -> Reply>;

/// Who is asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// This node, once.
    Node(NodeId),
    /// This node, again while it says that it loads.
    Loaded(NodeId),
    /// The coordinator, again while it loads or moves.
    Coordinator(CoordinatorKey),
}

/// A request of a command, with what becomes of the answer.
pub(super) struct Ask {
    pub(super) target: Target,
    pub(super) version: i16,
    pub(super) request: Request,
    pub(super) render: Render,
}

/// What a command came to.
pub(super) enum Step {
    /// It is over.
    Done(Reply),
    /// It waits for an answer.
    Ask(Ask),
}

struct Open {
    ask: Ask,
    token: Token,
}

/// A dialogue being run.
pub(in crate::dialogue) struct Session {
    pub(super) cluster: Cluster,
    variables: BTreeMap<String, Values>,
    open: BTreeMap<String, Open>,
    /// Timestamps the dialogue chose: only they are shown.
    pub(super) timestamps: BTreeSet<i64>,
    /// Transactional ids it named.
    pub(super) transactional_ids: BTreeSet<String>,
    pub(super) members: MemberNames,
    normal: Normal,
    clients: Vec<String>,
    /// The brokers take unstable versions too.
    unstable: bool,
}

/// Settings of every cluster, those of the oracle.
const SETTINGS: &[(&str, &str)] = &[
    ("auto.create.topics.enable", "false"),
    ("auto.leader.rebalance.enable", "false"),
    ("offsets.topic.num.partitions", "1"),
    ("transaction.state.log.num.partitions", "1"),
    ("transaction.state.log.min.isr", "1"),
    ("group.initial.rebalance.delay.ms", "0"),
    ("transaction.abort.timed.out.transaction.cleanup.interval.ms", "500"),
    ("broker.session.timeout.ms", "6000"),
    ("broker.heartbeat.interval.ms", "500"),
    ("replica.fetch.backoff.ms", "200"),
];

/// Whether Kafka has a key at all, of brokers without effect here or of topics.
fn known_elsewhere(key: &str) -> Result<(), DialogueErrorKind> {
    let version = Version::default();
    let scopes = [Scope::Broker, Scope::Topic];
    if key == "unstable.api.versions.enable"
        || scopes.iter().any(|scope| scope.key(version, key).is_some())
    {
        return Ok(());
    }
    let own = ["brokers", "roles", "dirs"];
    let names = Scope::Broker.keys(version).map(|key| key.name).chain(own);
    let near = nearest(key, names).map(|near| format!(": did you mean `{near}`?"));
    let near = near.unwrap_or_default();
    Err(DialogueErrorKind::syntax(format!("no broker has a key `{key}`{near}")))
}

impl Session {
    /// Starts a cluster by the words of its line.
    pub(super) fn start(line: &str) -> Result<Self, DialogueErrorKind> {
        let args = Args::parse(line);
        let brokers: u32 = args.number("brokers", 3)?;
        if !(1..=9).contains(&brokers) {
            return Err(DialogueErrorKind::syntax("brokers must be 1 to 9"));
        }
        let mut config = BrokerConfig::default();
        let own = args.named.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        for (key, value) in SETTINGS.iter().copied().chain(own) {
            if key == "feature.transaction.version" {
                let level: u8 = args::parse(value)?;
                if level > config.release.transaction_version() {
                    let most = config.release.transaction_version();
                    let reason = format!("transaction.version is at most {most}");
                    return Err(DialogueErrorKind::syntax(reason));
                }
                config.formatted_transaction_version = Some(level);
                continue;
            }
            if key.starts_with("feature.") {
                return Err(DialogueErrorKind::unsupported(format!("`{key}`")));
            }
            match config.set(key, value) {
                _ if matches!(key, "brokers" | "roles" | "dirs") => {}
                Ok(()) | Err(ConfigError::NotModelled { .. }) => {}
                // A broker passes over what it does not know; here that is a slip, unless the key
                // is another's.
                Err(ConfigError::Unknown { .. }) => known_elsewhere(key)?,
                Err(error) => return Err(DialogueErrorKind::syntax(error.to_string())),
            }
        }
        if let Some(count) = args.get("dirs") {
            directories::configure(&mut config, count)?;
        }
        let mut session = Self {
            cluster: Cluster::new(brokers, &config, !args.is("roles", "separate")),
            variables: BTreeMap::new(),
            open: BTreeMap::new(),
            timestamps: BTreeSet::new(),
            transactional_ids: BTreeSet::new(),
            members: MemberNames::default(),
            normal: Normal::default(),
            clients: Vec::new(),
            unstable: args.is("unstable.api.versions.enable", "true"),
        };
        session.start_nodes();
        if session.cluster.restless { Err(DialogueErrorKind::Restless) } else { Ok(session) }
    }

    fn start_nodes(&mut self) {
        self.cluster.start_controllers();
        let all = self.cluster.all();
        for node in &all {
            self.cluster.start(*node);
            // Processes do not start at the same instant, so their heartbeats are spread.
            self.cluster.advance(110 * MILLISECOND);
        }
        self.await_unfenced(&all);
        // Known places: the group coordinator on node 1, the transaction coordinator on 2.
        for (name, first) in [("__consumer_offsets", 0), ("__transaction_state", 1)] {
            self.create_internal(name, first);
        }
    }

    /// Waits until every running node sees these ones unfenced.
    pub(super) fn await_unfenced(&mut self, nodes: &[NodeId]) -> bool {
        let nodes = nodes.to_vec();
        self.cluster.advance_until(60 * SECOND, |cluster| {
            // An earlier process of a node may still pass for unfenced.
            let heard = |n: &NodeId| cluster.broker(*n).is_some_and(|b| !b.is_fenced());
            let gone = nodes.iter().any(|n| !cluster.is_up(*n));
            gone || nodes.iter().all(heard)
                && cluster.running().all(|id| {
                    let image = cluster.broker(id).map(|b| b.image());
                    image.is_some_and(|i| {
                        nodes.iter().all(|n| i.broker(*n).is_some_and(|b| !b.fenced))
                    })
                })
        })
    }

    /// Runs one command.
    pub(super) fn execute(&mut self, text: &str) -> Result<Reply, DialogueErrorKind> {
        self.cluster.advance(BETWEEN);
        let (variable, text) = bound(text);
        let (client, text) =
            text.split_once(": ").filter(|(name, _)| is_name(name)).unwrap_or(("c1", text));
        self.act_as(client);
        let text = self.substitute(text)?;
        let reply = self.perform(&text);
        if self.cluster.restless {
            return Err(DialogueErrorKind::Restless);
        }
        let reply = reply?;
        if let Some(variable) = variable {
            self.variables.insert(variable.to_string(), reply.values.clone());
        }
        let ended = std::mem::take(&mut self.cluster.ended);
        Ok(ended.into_iter().fold(reply, |mut reply, (node, reason)| {
            reply.lines.push(format!("!! node {node} has halted: {reason}"));
            reply
        }))
    }

    fn perform(&mut self, text: &str) -> Result<Reply, DialogueErrorKind> {
        let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
        match verb {
            "async" => {
                let (name, command) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
                self.act_as(name);
                match self.step(command)? {
                    Step::Done(_) => {
                        return Err(DialogueErrorKind::unsupported(format!("async `{command}`")));
                    }
                    Step::Ask(ask) => {
                        let token = self.send(&ask)?;
                        self.open.insert(name.to_string(), Open { ask, token });
                    }
                }
                self.cluster.advance(300 * MILLISECOND);
                Ok(Reply::ok())
            }
            "finish" => self.finish(&Args::parse(rest)),
            _ => match self.step(text)? {
                Step::Done(reply) => Ok(reply),
                Step::Ask(ask) => self.run_to_end(ask),
            },
        }
    }

    /// Sends a command's request and waits for the answer.
    pub(super) fn run_to_end(&mut self, ask: Ask) -> Result<Reply, DialogueErrorKind> {
        let token = self.send(&ask)?;
        self.complete(Open { ask, token })
    }

    fn step(&mut self, text: &str) -> Result<Step, DialogueErrorKind> {
        let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
        let args = Args::parse(rest);
        verbs::step(self, verb, &args)
    }

    fn finish(&mut self, args: &Args) -> Result<Reply, DialogueErrorKind> {
        let name = args.word(0)?;
        let Some(open) = self.open.remove(name) else {
            return Err(DialogueErrorKind::syntax(format!("nothing is open as `{name}`")));
        };
        if args.words.iter().any(|w| w == "pending") {
            self.cluster.advance(300 * MILLISECOND);
            let answered = self.cluster.is_answered(open.token);
            self.open.insert(name.to_string(), open);
            return Ok(Reply::of(if answered { "NOT PENDING" } else { "pending" }));
        }
        self.complete(open)
    }

    /// Waits for the answer and tells it.
    fn complete(&mut self, open: Open) -> Result<Reply, DialogueErrorKind> {
        let Open { ask, mut token } = open;
        for _ in 0..TRIES {
            match self.cluster.wait_for(token) {
                None => return Ok(Reply::of("!! no reply within 60 s")),
                Some(Answer::Disconnected) => return Ok(Reply::of("DISCONNECTED")),
                Some(Answer::Nothing) => return Ok(Reply::of("(no reply)")),
                Some(Answer::Response(response)) => {
                    let again = !matches!(ask.target, Target::Node(_)) && is_loading(&response);
                    if !again {
                        return Ok((ask.render)(self, response));
                    }
                    self.cluster.advance(100 * MILLISECOND);
                    token = self.send(&ask)?;
                }
            }
        }
        Ok(Reply::of("!! the coordinator does not load"))
    }

    fn send(&mut self, ask: &Ask) -> Result<Token, DialogueErrorKind> {
        let node = match ask.target {
            Target::Node(node) | Target::Loaded(node) => node,
            Target::Coordinator(key) => self.coordinator(key)?,
        };
        let key = ask.request.api_key().wire_key();
        let takes = |key| {
            versions::is_supported(key, ask.version)
                || self.unstable && versions::is_unstable(key, ask.version)
        };
        if key.is_some_and(|key| !takes(key)) {
            return Ok(self.cluster.refuse());
        }
        Ok(self.cluster.send(node, ask.version, ask.request.clone()))
    }

    /// Sends a request of the runner's own and waits for the answer.
    pub(super) fn ask(&mut self, node: NodeId, version: i16, request: Request) -> Option<Response> {
        let token = self.cluster.send(node, version, request);
        match self.cluster.wait_for(token) {
            Some(Answer::Response(response)) => Some(response),
            _ => None,
        }
    }

    // ---- names ----

    /// The commands that follow come from this client, by connections of its own.
    fn act_as(&mut self, client: &str) {
        self.cluster.client = self.client(client);
    }

    /// The number of a client.
    pub(super) fn client(&mut self, name: &str) -> u32 {
        let known = self.clients.iter().position(|c| c == name);
        let index = known.unwrap_or_else(|| {
            self.clients.push(name.to_string());
            self.clients.len() - 1
        });
        FIRST_CLIENT + u32::try_from(index).expect("a dialogue is short")
    }

    /// The name of the client whose command is carried out.
    pub(super) fn client_name(&self) -> &str {
        self.name_of_client(self.cluster.client)
    }

    /// The name of a client by its number.
    pub(super) fn name_of_client(&self, client: u32) -> &str {
        let index = client.checked_sub(FIRST_CLIENT).map(|i| i as usize);
        index.and_then(|i| self.clients.get(i)).map_or("?", String::as_str)
    }

    /// `let` binds a text to a name.
    pub(super) fn bind(&mut self, name: &str, text: &str) {
        let values = Values { text: Some(text.to_string()), ..Values::default() };
        self.variables.insert(name.to_string(), values);
    }

    pub(super) fn variable(&self, name: &str) -> Option<&Values> {
        self.variables.get(name)
    }

    /// A reply's lines with names for what differs from run to run.
    pub(super) fn normal(&mut self, reply: &Reply) -> Vec<String> {
        reply.lines.iter().map(|line| self.normal.line(line)).collect()
    }

    pub(super) fn rank(&self, pid: i64) -> usize {
        self.normal.rank(pid)
    }

    fn substitute(&self, text: &str) -> Result<String, DialogueErrorKind> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let (name, tail) = after.split_at(end.unwrap_or(after.len()));
            let value = self.variables.get(name).and_then(|v| v.text.as_ref());
            let value =
                value.ok_or_else(|| DialogueErrorKind::syntax(format!("no variable `{name}`")))?;
            out.push_str(before);
            out.push_str(value);
            rest = tail;
        }
        Ok(out + rest)
    }
}

/// `name = rest`.
fn bound(text: &str) -> (Option<&str>, &str) {
    match text.split_once(" = ") {
        Some((name, rest)) if is_name(name) => (Some(name), rest),
        _ => (None, text),
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether a coordinator's answer says: later, or elsewhere.
fn is_loading(response: &Response) -> bool {
    let loading = |error: ErrorCode| {
        matches!(
            error,
            ErrorCode::CoordinatorLoadInProgress
                | ErrorCode::CoordinatorNotAvailable
                | ErrorCode::NotCoordinator
        )
    };
    let any = |partitions: &[(PartitionId, ErrorCode)]| partitions.iter().any(|p| loading(p.1));
    match response {
        Response::InitProducerId(r) => loading(r.error),
        Response::AddPartitionsToTxn(r) => r.partitions().any(|p| loading(p.1)),
        Response::AddOffsetsToTxn(r) => loading(r.error),
        Response::TxnOffsetCommit(r) => any(&r.partitions),
        Response::EndTxn(r) => loading(r.error),
        Response::DescribeTransactions(r) => loading(r.error),
        Response::ConsumerGroupHeartbeat(r) => loading(r.error),
        Response::ConsumerGroupDescribe(r) => loading(r.error),
        Response::OffsetCommit(r) => any(&r.partitions),
        Response::JoinGroup(r) => loading(r.error),
        Response::SyncGroup(r) => loading(r.error),
        Response::Heartbeat(r) => loading(r.error),
        Response::LeaveGroup(r) => loading(r.error),
        Response::DescribeGroups(r) => loading(r.error),
        Response::ListGroups(r) => loading(r.error),
        Response::DeleteGroups(r) => loading(r.error),
        Response::OffsetDelete(r) => loading(r.error),
        Response::OffsetFetch(r) => {
            loading(r.error) || r.partitions.iter().any(|(error, _)| loading(*error))
        }
        _ => false,
    }
}
