//! Verbs about producer ids and transactions.

use std::collections::BTreeSet;

use broker_model::protocol::coordinator::{CoordinatorKey, FindCoordinatorRequest};
use broker_model::protocol::txn::{
    AddOffsetsToTxnRequest, DescribeProducersRequest, DescribeTransactionsRequest, EndTxnRequest,
    InitProducerIdRequest, ProducerIdAndEpoch, TransactionPartitions, TxnMarker,
    TxnOffsetCommitRequest, WriteTxnMarkersRequest,
};
use broker_model::protocol::{ErrorCode, Request, Response};
use broker_model::types::{
    CoordinatorEpoch, MILLISECOND, PartitionId, ProducerEpoch, ProducerId, SECOND, TransactionalId,
};

use super::DialogueErrorKind;
use super::args::{self, Args};
use super::awaiting::state;
use super::offsets::offsets;
use super::reply::{self, Reply};
use super::session::{Ask, Session, Step, Target};
use crate::dialogue::bounds::{TIMES_MAX, at_most};

impl Session {
    /// The id of a transactional id's name.
    pub(super) fn transactional_id(&mut self, name: &str) -> TransactionalId {
        self.transactional_ids.insert(name.to_string());
        self.cluster.names.transactional_id(name)
    }

    fn txn(&mut self, args: &Args) -> TransactionalId {
        self.transactional_id(args.get("txn").unwrap_or(""))
    }

    /// `pid=p epoch=q+1`: id and epoch, as numbers or from variables.
    pub(super) fn producer(&self, args: &Args) -> Result<(i64, i16), DialogueErrorKind> {
        let name = args.get("pid").unwrap_or("-1");
        let pid = match self.variable(name).and_then(|v| v.pid) {
            Some(pid) => pid,
            None => args::parse(name)?,
        };
        let text = args.get("epoch").unwrap_or(name);
        let split = text.find(['+', '-']).filter(|at| *at > 0).unwrap_or(text.len());
        let (variable, shift) = text.split_at(split);
        let epoch = match self.variable(variable).and_then(|v| v.epoch) {
            Some(epoch) if shift.is_empty() => epoch,
            Some(epoch) => epoch.wrapping_add(args::parse(shift)?),
            None if args.has("epoch") => args::parse(text)?,
            None => {
                if args.has("pid") {
                    0
                } else {
                    -1
                }
            }
        };
        Ok((pid, epoch))
    }

    fn identity(&self, args: &Args) -> Result<ProducerIdAndEpoch, DialogueErrorKind> {
        let (id, epoch) = self.producer(args)?;
        Ok(ProducerIdAndEpoch { id: ProducerId(id), epoch: ProducerEpoch(epoch) })
    }
}

pub(super) fn find_coordinator(
    session: &mut Session,
    args: &Args,
) -> Result<Step, DialogueErrorKind> {
    args.only(&["at", "v"])?;
    let key = match args.word(0)? {
        "txn" => CoordinatorKey::Transaction(session.transactional_id(args.word(1)?)),
        _ => CoordinatorKey::Group(session.cluster.names.group(args.word(1)?)),
    };
    Ok(Step::Ask(Ask {
        target: Target::Node(session.any_node(args)?),
        version: args.number("v", 6)?,
        request: Request::FindCoordinator(FindCoordinatorRequest { key }),
        render: Box::new(|_, response| match response {
            Response::FindCoordinator(r) => Reply::of(r.error),
            _ => Reply::unexpected(),
        }),
    }))
}

pub(super) fn init_producer_id(
    session: &mut Session,
    args: &Args,
) -> Result<Step, DialogueErrorKind> {
    args.only(&[
        "txn",
        "timeout",
        "pid",
        "epoch",
        "two-phase",
        "keep-prepared",
        "repeat",
        "at",
        "v",
    ])?;
    let transactional_id = args.get("txn").map(|name| session.transactional_id(name));
    let timeout: i64 = args.number("timeout", 60_000)?;
    let request = Request::InitProducerId(InitProducerIdRequest {
        transactional_id,
        transaction_timeout: u64::try_from(timeout).unwrap_or(0).saturating_mul(MILLISECOND),
        producer: session.identity(args)?,
        two_phase: args.is("two-phase", "yes"),
        keep_prepared: args.is("keep-prepared", "yes"),
    });
    let version = args.number("v", 5)?;
    let target = match transactional_id {
        Some(id) => session.coordinator_target(args, CoordinatorKey::Transaction(id))?,
        None if args.has("at") => Target::Node(session.any_node(args)?),
        None => Target::Loaded(session.any_node(args)?),
    };
    let repeat: u32 = at_most("repeats", args.number("repeat", 1)?, TIMES_MAX)?;
    for _ in 1..repeat {
        let node = match target {
            Target::Node(node) | Target::Loaded(node) => node,
            Target::Coordinator(key) => session.coordinator(key)?,
        };
        session.ask(node, version, request.clone());
    }
    Ok(Step::Ask(Ask {
        target,
        version,
        request,
        render: Box::new(|_, response| {
            let Response::InitProducerId(r) = response else { return Reply::unexpected() };
            let mut reply = Reply::of(r.error)
                .with("pid", reply::pid(r.producer.id.0))
                .with("epoch", r.producer.epoch);
            reply.values.pid = Some(r.producer.id.0);
            reply.values.epoch = Some(r.producer.epoch.0);
            reply
        }),
    }))
}

/// The error alone when it is the same for all, else a line each, in order of name.
pub(super) fn per_partition(mut errors: Vec<(String, ErrorCode)>) -> Reply {
    errors.sort_by(|a, b| a.0.cmp(&b.0));
    match errors.first() {
        Some(&(_, first)) if errors.iter().all(|(_, e)| *e == first) => Reply::of(first),
        _ => errors.into_iter().fold(Reply::of("MIXED"), |reply, (name, error)| {
            reply.line(format_args!("{name} {error}"))
        }),
    }
}

/// Partitions of a request by their names, with the answers in the same order.
pub(super) fn named(names: &[String], answers: &[(PartitionId, ErrorCode)]) -> Reply {
    let errors = answers.iter().map(|(_, error)| *error);
    per_partition(names.iter().cloned().zip(errors).collect())
}

pub(super) fn add_partitions(
    session: &mut Session,
    args: &Args,
) -> Result<Step, DialogueErrorKind> {
    args.only(&["txn", "pid", "epoch", "v", "verify", "at"])?;
    let version: i16 = args.number("v", 3)?;
    let transactional_id = session.txn(args);
    let names: Vec<String> =
        args::split(args.word(0)?).into_iter().map(ToString::to_string).collect();
    let mut partitions = Vec::new();
    for name in &names {
        partitions.push(session.partition(name)?);
    }
    let wanted = TransactionPartitions {
        transactional_id,
        producer: session.identity(args)?,
        verify_only: args.is("verify", "yes"),
        partitions,
    };
    Ok(Step::Ask(Ask {
        target: session.coordinator_target(args, CoordinatorKey::Transaction(transactional_id))?,
        version,
        request: Request::AddPartitionsToTxn(wanted.into()),
        render: Box::new(move |_, response| match response {
            Response::AddPartitionsToTxn(r) => named(&names, &r.partitions().collect::<Vec<_>>()),
            _ => Reply::unexpected(),
        }),
    }))
}

pub(super) fn add_offsets(session: &mut Session, args: &Args) -> Result<Step, DialogueErrorKind> {
    args.only(&["txn", "pid", "epoch", "at", "v"])?;
    let transactional_id = session.txn(args);
    let request = AddOffsetsToTxnRequest {
        transactional_id,
        producer: session.identity(args)?,
        group: session.cluster.names.group(args.word(0)?),
    };
    Ok(Step::Ask(Ask {
        target: session.coordinator_target(args, CoordinatorKey::Transaction(transactional_id))?,
        version: args.number("v", 4)?,
        request: Request::AddOffsetsToTxn(request),
        render: Box::new(|_, response| match response {
            Response::AddOffsetsToTxn(r) => Reply::of(r.error),
            _ => Reply::unexpected(),
        }),
    }))
}

pub(super) fn txn_offset_commit(
    session: &mut Session,
    args: &Args,
) -> Result<Step, DialogueErrorKind> {
    let (names, offsets) = offsets(
        session,
        args,
        &["txn", "pid", "member", "instance", "generation", "meta", "at", "v", "epoch"],
    )?;
    let group = session.cluster.names.group(args.word(0)?);
    let (member, generation) = session.member(args)?;
    let request = TxnOffsetCommitRequest {
        transactional_id: session.txn(args),
        producer: session.identity(args)?,
        group,
        member,
        instance: args.get("instance").map(ToString::to_string),
        generation,
        offsets,
    };
    Ok(Step::Ask(Ask {
        target: session.coordinator_target(args, CoordinatorKey::Group(group))?,
        version: args.number("v", 5)?,
        request: Request::TxnOffsetCommit(request),
        render: Box::new(move |_, response| match response {
            Response::TxnOffsetCommit(r) => named(&names, &r.partitions),
            _ => Reply::unexpected(),
        }),
    }))
}

/// How a transaction ends. Any other word is a slip, and would be an abort that nobody asked for.
fn is_commit(verdict: &str) -> Result<bool, DialogueErrorKind> {
    match verdict {
        "commit" => Ok(true),
        "abort" => Ok(false),
        _ => Err(DialogueErrorKind::syntax(format!("`{verdict}` is neither commit nor abort"))),
    }
}

/// Ends a transaction and, unless told not to, waits until its markers are written.
pub(super) fn end_txn(session: &mut Session, args: &Args) -> Result<Step, DialogueErrorKind> {
    args.only(&["txn", "pid", "epoch", "wait", "at", "v"])?;
    let transactional_id = session.txn(args);
    let producer = session.identity(args)?;
    let commit = is_commit(args.word(0)?)?;
    let ask = Ask {
        target: session.coordinator_target(args, CoordinatorKey::Transaction(transactional_id))?,
        version: args.number("v", 5)?,
        request: Request::EndTxn(EndTxnRequest { transactional_id, producer, commit }),
        render: Box::new(move |_, response| {
            let Response::EndTxn(r) = response else { return Reply::unexpected() };
            let mut reply = Reply::of(r.error);
            let mut next = producer;
            if r.producer.id.is_some() {
                next = r.producer;
                reply = reply.with("pid", reply::pid(next.id.0)).with("epoch", next.epoch);
            }
            reply.values.pid = Some(next.id.0);
            reply.values.epoch = Some(next.epoch.0);
            reply
        }),
    };
    if args.is("wait", "no") {
        return Ok(Step::Ask(ask));
    }
    let reply = session.run_to_end(ask)?;
    if reply.lines[0].starts_with("NONE") {
        let name = args.get("txn").unwrap_or("");
        let mut waited = 0;
        while waited < 10 * SECOND && state(session, name)?.starts_with("Prepare") {
            session.cluster.advance(30 * MILLISECOND);
            waited += 30 * MILLISECOND;
        }
        session.cluster.advance(50 * MILLISECOND);
    }
    Ok(Step::Done(reply))
}

pub(super) fn write_txn_markers(
    session: &mut Session,
    args: &Args,
) -> Result<Step, DialogueErrorKind> {
    args.only(&["pid", "epoch", "coordinator-epoch", "at", "v"])?;
    let partition = session.partition(args.word(0)?)?;
    let marker = TxnMarker {
        producer: session.identity(args)?,
        commit: is_commit(args.word(1)?)?,
        coordinator_epoch: CoordinatorEpoch(args.number("coordinator-epoch", 0)?),
        v2: false,
        partitions: vec![partition],
    };
    Ok(Step::Ask(Ask {
        target: Target::Node(session.leader(args, partition)?),
        version: args.number("v", 1)?,
        request: Request::WriteTxnMarkers(WriteTxnMarkersRequest { markers: vec![marker] }),
        render: Box::new(|_, response| match response {
            Response::WriteTxnMarkers(r) => r
                .markers
                .first()
                .and_then(|m| m.1.first())
                .map_or_else(Reply::unexpected, |p| Reply::of(p.1)),
            _ => Reply::unexpected(),
        }),
    }))
}

pub(super) fn describe_producers(
    session: &mut Session,
    args: &Args,
) -> Result<Step, DialogueErrorKind> {
    args.only(&["at", "v"])?;
    let partition = session.partition(args.word(0)?)?;
    Ok(Step::Ask(Ask {
        target: Target::Node(session.leader(args, partition)?),
        version: 0,
        request: Request::DescribeProducers(DescribeProducersRequest { partition }),
        render: Box::new(|session, response| {
            let Response::DescribeProducers(mut r) = response else { return Reply::unexpected() };
            r.producers.sort_by_key(|p| (session.rank(p.producer.id.0), p.producer.id));
            r.producers.iter().fold(Reply::of(r.error), |reply, p| {
                reply
                    .line(reply::pid(p.producer.id.0))
                    .with("epoch", p.producer.epoch)
                    .with("last_seq", p.last_sequence)
                    .with("txn_start", p.txn_start_offset)
            })
        }),
    }))
}

pub(super) fn describe_transactions(
    session: &mut Session,
    args: &Args,
) -> Result<Step, DialogueErrorKind> {
    args.only(&["at", "v"])?;
    let transactional_id = session.transactional_id(args.word(0)?);
    Ok(Step::Ask(Ask {
        target: session.coordinator_target(args, CoordinatorKey::Transaction(transactional_id))?,
        version: 0,
        request: Request::DescribeTransactions(DescribeTransactionsRequest { transactional_id }),
        render: Box::new(|session, response| {
            let Response::DescribeTransactions(r) = response else { return Reply::unexpected() };
            if r.error != ErrorCode::None {
                return Reply::of(r.error);
            }
            let partitions: BTreeSet<String> =
                r.partitions.iter().map(|p| session.cluster.partition_name(*p)).collect();
            Reply::of(r.error)
                .with("state", r.state)
                .with("pid", reply::pid(r.producer.id.0))
                .with("epoch", r.producer.epoch)
                .with("timeout", r.timeout / MILLISECOND)
                .with("partitions", reply::list(partitions))
        }),
    }))
}

/// The model has no such request: every transactional id of the dialogue is described.
pub(super) fn list_transactions(
    session: &mut Session,
    args: &Args,
) -> Result<Reply, DialogueErrorKind> {
    args.only(&["states", "pid"])?;
    let (wanted, _) = session.producer(args)?;
    let states = args.list("states");
    let mut reply = Reply::of(ErrorCode::None);
    for name in session.transactional_ids.clone() {
        let transactional_id = session.transactional_id(&name);
        let node = session.coordinator(CoordinatorKey::Transaction(transactional_id))?;
        let request = DescribeTransactionsRequest { transactional_id };
        let answer = session.ask(node, 0, Request::DescribeTransactions(request));
        let Some(Response::DescribeTransactions(r)) = answer else { continue };
        let asked_for = (states.is_empty() || states.contains(&r.state))
            && (wanted < 0 || wanted == r.producer.id.0);
        if r.error == ErrorCode::None && asked_for {
            let pid = reply::pid(r.producer.id.0);
            reply = reply.line(&name).with("pid", pid).with("state", r.state);
        }
    }
    Ok(reply)
}
