//! Verbs about log directories, one of which fails. The metadata log is beside them
//! (`metadata.log.dir`), so that brokers live on.

use broker_model::config::BrokerConfig;
use broker_model::types::NodeId;

use super::DialogueErrorKind;
use super::args::{self, Args};
use super::reply::Reply;
use super::session::Session;

/// More are of no use to a dialogue.
const DIRECTORIES_MAX: u32 = 9;

/// `dirs=N` of the cluster line.
pub(super) fn configure(config: &mut BrokerConfig, count: &str) -> Result<(), DialogueErrorKind> {
    let count: u32 = args::parse(count)?;
    if !(1..=DIRECTORIES_MAX).contains(&count) {
        return Err(DialogueErrorKind::syntax(format!("dirs must be 1 to {DIRECTORIES_MAX}")));
    }
    config.log_dirs = (1..=count).map(|place| format!("/{place}")).collect();
    config.metadata_log_dir = Some("/metadata".to_owned());
    Ok(())
}

/// `fail-directory t-0 at=N`: of node N, the directory with that replica.
pub(super) fn fail(session: &mut Session, args: &Args) -> Result<Reply, DialogueErrorKind> {
    args.only(&["at"])?;
    let partition = session.partition(args.word(0)?)?;
    let at = args.get("at").ok_or_else(|| DialogueErrorKind::syntax("at=NODE is missing"))?;
    let node = NodeId(args::parse(at)?);
    let broker = session.cluster.broker_mut(node);
    let place = broker.as_ref().and_then(|broker| broker.log_directory(partition));
    let (Some(broker), Some(place)) = (broker, place) else {
        return Err(DialogueErrorKind::syntax(format!("node {node} has no such replica")));
    };
    broker.fail_directory(place);
    Ok(Reply::ok())
}

/// `replace-directories N`: node N, which does not run, finds empty ones where some have failed.
pub(super) fn replace(session: &mut Session, args: &Args) -> Result<Reply, DialogueErrorKind> {
    let node = NodeId(args::parse(args.word(0)?)?);
    if session.cluster.is_up(node) {
        return Err(DialogueErrorKind::syntax(format!("node {node} runs")));
    }
    let Some(broker) = session.cluster.broker_mut(node) else {
        return Err(DialogueErrorKind::syntax(format!("there is no node {node}")));
    };
    for place in broker.failing_directories() {
        broker.replace_directory(place);
    }
    Ok(Reply::ok())
}
