//! `await`: lets time pass until something holds.

use broker_model::metadata::Image;
use broker_model::protocol::Request;
use broker_model::protocol::Response;
use broker_model::protocol::coordinator::CoordinatorKey;
use broker_model::protocol::txn::DescribeTransactionsRequest;
use broker_model::types::{MILLISECOND, NodeId, PartitionId};

use super::DialogueErrorKind;
use super::args::{self, Args};
use super::group_admin;
use super::life::same;
use super::nodes::time;
use super::pump::Cluster;
use super::reply::{Reply, list};
use super::session::Session;

/// Time between two looks that need a request.
const LOOK: u64 = 30 * MILLISECOND;

/// `await WHAT NAME [OP VALUE]`.
pub(super) fn until(session: &mut Session, args: &Args) -> Result<Reply, DialogueErrorKind> {
    let limit = time(args.get("timeout").unwrap_or("30s"))?;
    let (what, name) = (args.word(0)?, args.word(1)?);
    let (op, wanted) = match args.words.get(2..4) {
        Some([op, wanted]) => (op.as_str(), wanted.as_str()),
        _ => ("=", "true"),
    };
    let mut last = String::new();
    let met = if let "txn" | "group" = what {
        let mut waited = 0;
        loop {
            last = if what == "txn" {
                state(session, name)?
            } else {
                group_admin::state(session, name)?
            };
            if compare(&last, op, wanted) || waited >= limit {
                break compare(&last, op, wanted);
            }
            session.cluster.advance(LOOK);
            waited += LOOK;
        }
    } else {
        let subject = Subject::parse(session, args, what, name)?;
        session.cluster.advance_until(limit, |cluster| {
            last = subject.value(cluster);
            compare(&last, op, wanted)
        })
    };
    session.cluster.advance(100 * MILLISECOND);
    Ok(if met { Reply::ok() } else { Reply::of("TIMEOUT").with("last", last) })
}

/// The state of a transactional id, as `DescribeTransactions` gives it.
pub(super) fn state(session: &mut Session, name: &str) -> Result<String, DialogueErrorKind> {
    let transactional_id = session.cluster.names.transactional_id(name);
    let node = session.coordinator(CoordinatorKey::Transaction(transactional_id))?;
    let request = DescribeTransactionsRequest { transactional_id };
    Ok(match session.ask(node, 0, Request::DescribeTransactions(request)) {
        Some(Response::DescribeTransactions(r)) if r.state.is_empty() => r.error.name().to_string(),
        Some(Response::DescribeTransactions(r)) => r.state.to_string(),
        _ => String::new(),
    })
}

enum Subject {
    Fenced(NodeId, bool),
    Controller,
    Leader(PartitionId),
    Isr(PartitionId),
    Replicas(PartitionId),
    Elr(PartitionId),
    /// Of the replica on a node, or on the leader.
    Replica(PartitionId, Option<NodeId>, Position),
}

#[derive(Clone, Copy)]
enum Position {
    HighWatermark,
    LastStable,
    Start,
    End,
    Segments,
    Cleaned,
}

impl Subject {
    fn parse(
        session: &Session,
        args: &Args,
        what: &str,
        name: &str,
    ) -> Result<Self, DialogueErrorKind> {
        if let "fenced" | "unfenced" = what {
            return Ok(Self::Fenced(NodeId(args::parse(name)?), what == "fenced"));
        }
        if what == "controller" {
            return Ok(Self::Controller);
        }
        let partition = session.partition(name)?;
        let at = args.get("at").map(args::parse).transpose()?.map(NodeId);
        let replica = |position| Ok(Self::Replica(partition, at, position));
        match what {
            "leader" => Ok(Self::Leader(partition)),
            "isr" => Ok(Self::Isr(partition)),
            "replicas" => Ok(Self::Replicas(partition)),
            "elr" => Ok(Self::Elr(partition)),
            "hw" => replica(Position::HighWatermark),
            "lso" => replica(Position::LastStable),
            "start" => replica(Position::Start),
            "end" => replica(Position::End),
            "segments" => replica(Position::Segments),
            "cleaned" => replica(Position::Cleaned),
            other => Err(DialogueErrorKind::unsupported(format!("await of {other}"))),
        }
    }

    fn value(&self, cluster: &Cluster) -> String {
        let views = |partition: PartitionId| {
            cluster.running().map(move |id| {
                cluster.broker(id).and_then(|b| b.image().partition(partition)).cloned()
            })
        };
        let sorted = |nodes: Vec<NodeId>| {
            let mut nodes = nodes;
            nodes.sort_unstable();
            list(nodes)
        };
        let agreed = |value: Option<Option<String>>| value.flatten().unwrap_or_default();
        match *self {
            Self::Fenced(node, fenced) => {
                let is_so = |image: &Image| image.broker(node).is_none_or(|b| b.fenced) == fenced;
                let all = is_so(cluster.controller().image())
                    && cluster
                        .running()
                        .all(|id| cluster.broker(id).is_some_and(|broker| is_so(broker.image())));
                all.to_string()
            }
            Self::Controller => {
                cluster.active_controller().map_or("-1".to_string(), |c| c.to_string())
            }
            Self::Leader(partition) => {
                cluster.agreed_leader(partition).map_or("-1".to_string(), |l| l.to_string())
            }
            Self::Isr(p) => agreed(same(views(p).map(|v| v.map(|v| sorted(v.isr))))),
            Self::Replicas(p) => agreed(same(views(p).map(|v| v.map(|v| list(v.replicas))))),
            Self::Elr(p) => {
                agreed(views(p).next().map(|v| v.map(|v| sorted(v.eligible_leader_replicas))))
            }
            Self::Replica(partition, at, position) => {
                let node = at.or_else(|| cluster.agreed_leader(partition));
                let replica = node.and_then(|n| cluster.broker(n)?.replica(partition));
                let value = replica.map(|r| match position {
                    Position::HighWatermark => r.high_watermark().0,
                    Position::LastStable => r.last_stable_offset(&cluster.rules).0,
                    Position::Start => r.log().log_start_offset().0,
                    Position::End => r.log().log_end_offset().0,
                    Position::Cleaned => r.log().cleaner_checkpoint().0,
                    Position::Segments => {
                        i64::try_from(r.log().segments().len()).expect("few segments")
                    }
                });
                value.unwrap_or(-1).to_string()
            }
        }
    }
}

fn compare(left: &str, op: &str, right: &str) -> bool {
    match op {
        "=" => left == right,
        "!=" => !left.is_empty() && left != right && left != "-1",
        _ => match (left.parse::<i64>(), right.parse::<i64>()) {
            (Ok(a), Ok(b)) => match op {
                ">=" => a >= b,
                "<=" => a <= b,
                ">" => a > b,
                _ => a < b,
            },
            _ => false,
        },
    }
}
