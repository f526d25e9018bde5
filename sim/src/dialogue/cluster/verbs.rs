//! Every verb, and the room that knows it.

use super::args::Args;
use super::session::{Session, Step};
use super::{
    DialogueErrorKind, admin, awaiting, consumer_groups, controller, directories, fetch,
    group_admin, log, members, nodes, offsets, produce, transactions, wire,
};

/// Carries a command out, up to where it waits for an answer.
pub(super) fn step(
    session: &mut Session,
    verb: &str,
    args: &Args,
) -> Result<Step, DialogueErrorKind> {
    let reply = match verb {
        "metadata" => return admin::metadata(session, args),
        "produce" => return produce::produce(session, args),
        "produce-many" => return produce::produce_many(session, args),
        "fetch" => return fetch::fetch(session, args),
        "fetch-many" => return fetch::fetch_many(session, args),
        "list-offsets" => return log::list_offsets(session, args),
        "offset-for-leader-epoch" => return log::offset_for_leader_epoch(session, args),
        "delete-records" => return log::delete_records(session, args),
        "find-coordinator" => return transactions::find_coordinator(session, args),
        "init-producer-id" => return transactions::init_producer_id(session, args),
        "add-partitions-to-txn" => return transactions::add_partitions(session, args),
        "add-offsets-to-txn" => return transactions::add_offsets(session, args),
        "txn-offset-commit" => return transactions::txn_offset_commit(session, args),
        "write-txn-markers" => return transactions::write_txn_markers(session, args),
        "end-txn" => return transactions::end_txn(session, args),
        "describe-producers" => return transactions::describe_producers(session, args),
        "describe-transactions" => return transactions::describe_transactions(session, args),
        "offset-commit" => return offsets::offset_commit(session, args),
        "offset-fetch" => return offsets::offset_fetch(session, args),
        "join" => return members::join(session, args),
        "sync" => return members::sync(session, args),
        "heartbeat" => return members::heartbeat(session, args),
        "leave" => return members::leave(session, args),
        "describe-group" => return group_admin::describe(session, args),
        "list-groups" => return group_admin::list_groups(args),
        "delete-group" => return group_admin::delete(session, args),
        "offset-delete" => return group_admin::offset_delete(session, args),
        "consumer-heartbeat" => return consumer_groups::heartbeat(session, args),
        "consumer-describe" => return consumer_groups::describe(session, args),
        "kill" | "stop" | "start" | "pause" | "resume" => nodes::each_node(session, verb, args)?,
        "wait" => nodes::wait(session, args)?,
        "let" => nodes::bind(session, args)?,
        "fail-directory" => directories::fail(session, args)?,
        "replace-directories" => directories::replace(session, args)?,
        "create-topic" => admin::create_topic(session, args)?,
        "delete-topic" => admin::delete_topic(session, args)?,
        "create-partitions" => admin::create_partitions(session, args)?,
        "alter-topic" => admin::alter_topic(session, args)?,
        "alter-broker" => admin::alter_broker(session, args)?,
        "alter-group" => admin::alter_group(session, args)?,
        "alter-quota" => admin::alter_quota(session, args)?,
        "reassign" => admin::reassign(session, args)?,
        "elect" => admin::elect(session, args)?,
        "describe" => admin::describe(session, args)?,
        "dump" => log::dump(session, args)?,
        "files" => log::files(session, args)?,
        "list-transactions" => transactions::list_transactions(session, args)?,
        "changes" => controller::changes(session, args)?,
        "alter-partition" => controller::alter_partition(session, args)?,
        "api-versions" => wire::api_versions(session, args)?,
        "raw" => wire::raw(session, args)?,
        "await" => awaiting::until(session, args)?,
        _ => return Err(DialogueErrorKind::unsupported(format!("verb `{verb}`"))),
    };
    Ok(Step::Done(reply))
}
