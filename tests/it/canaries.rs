//! Canaries: for every property a planted bug, and the run in which the property's check
//! finds it. A check that misses its canary checks nothing.

use assize_tests::root;
use reports::checker::{Anomaly, Verdict};

use crate::small::{run, scenario};

/// A planted bug and where it shows.
struct Canary {
    /// What must be found.
    anomaly: Anomaly,
    /// The rule that is broken, and how.
    rule: (&'static str, &'static str),
    /// A shipped scenario that passes while the rule holds.
    base: &'static str,
    /// A seed under which the bug shows.
    seed: u64,
    /// More of the scenario, with and without the bug.
    more: &'static str,
}

const fn canary(
    anomaly: Anomaly,
    rule: (&'static str, &'static str),
    base: &'static str,
    seed: u64,
    more: &'static str,
) -> Canary {
    Canary { anomaly, rule, base, seed, more }
}

/// A run that will never come to rest need not try for long.
const SHORT: &str = "[scenario]\ndrain = \"20s\"\n";

/// Fewer replicas than brokers, so that there is a broker to be taken for a replica.
const TWO_REPLICAS: &str = "[scenario]\ndrain = \"20s\"\n[topic.orders]\nreplication = 2\n\
                            [cluster.config]\n\"min.insync.replicas\" = 1\n";

/// Connections that break often, under full load.
const LOSSY: &str = "[[fault]]\nkind = \"connection-loss\"\nprobability = 0.2\n\
                     target = \"leader-of:orders/0\"\nat = \"500ms\"\nfor = \"1s\"\n";

/// The same, with order per key claimed.
const LOSSY_KEYS: &str = "[[fault]]\nkind = \"connection-loss\"\nprobability = 0.2\n\
                          target = \"leader-of:orders/0\"\nat = \"500ms\"\nfor = \"1s\"\n\
                          [load.customers]\nkeys = \"uniform(5)\"\n\
                          [check]\nper_key_order = [\"orders\"]\n";

/// A transform that gives up its outputs before the cluster is whole again.
const IMPATIENT: &str = "[service.payment.producer]\n\"request.timeout.ms\" = 300\n\
                         \"delivery.timeout.ms\" = 600\n\
                         [load.customers]\nlimit = 800\n\
                         arrivals = { model = \"open\", rate = \"100/s\" }\n";

/// An instance that dies in mid-transaction and stays away for long: its transaction must end
/// without it.
const GONE: &str = "[scenario]\nduration = \"30s\"\n[cluster.config]\n\
                    \"transaction.abort.timed.out.transaction.cleanup.interval.ms\" = 500\n\
                    [service.payment.producer]\n\"transaction.timeout.ms\" = 1000\n\
                    [[fault]]\nkind = \"service-kill\"\ntarget = \"service:payment/0\"\n\
                    on = \"append:payments/0#20\"\nfor = \"25s\"\n\
                    [load.customers]\nlimit = 800\n\
                    arrivals = { model = \"open\", rate = \"100/s\" }\n\
                    [gate]\n\"max(end_to_end)\" = \"< 15s\"\n";

/// Disks of three controllers are slow while two elect, and lose power before they have the votes.
const SLOW_VOTES: &str = include_str!("canaries/slow-votes.toml");

/// Disks of three controllers are slow, and lose power before they have what was committed.
const SLOW_COMMITS: &str = include_str!("canaries/slow-commits.toml");

/// The active controller is gone for a moment only: nobody else is elected meanwhile.
const BACK_AT_ONCE: &str = "[[fault]]\nkind = \"controller-kill\"\nat = \"500ms\"\n\
                            for = \"300ms\"\n";

/// The first controller dies while brokers register, before the others know what is committed.
const GONE_EARLY: &str = "[scenario]\nkafka = \"4.0\"\n[[fault]]\nkind = \"controller-kill\"\n\
                          on = \"controller-election#1\"\nafter = \"0ms..400ms\"\n\
                          for = \"500ms\"\n";

/// An instance dies in mid-transaction, and its transaction ends before it is back.
const ABORTING: &str = "[cluster.config]\n\
                        \"transaction.abort.timed.out.transaction.cleanup.interval.ms\" = 200\n\
                        [topic.states]\npartitions = 1\n\
                        [service.table.producer]\n\"transaction.timeout.ms\" = 1000\n\
                        [[fault]]\nkind = \"service-kill\"\ntarget = \"service:table/0\"\n\
                        on = \"append:states/0#20\"\nfor = \"4s\"\n";

/// One of two producers is gone, and the other writes the same few keys.
const SURVIVED: &str = "[service.gateway]\ninstances = 2\n[load.devices]\n\
                        keys = \"uniform(3)\"\n\
                        [[fault]]\nkind = \"service-kill\"\ntarget = \"service:gateway/0\"\n\
                        at = \"1s\"\nfor = \"7s\"\n";

/// Followers pause, and what they have not copied is old already.
const SHORT_LIVED: &str = "[cluster.config]\n\"log.retention.check.interval.ms\" = 100\n\
                           \"log.initial.task.delay.ms\" = 100\n\
                           [topic.orders.config]\n\"segment.ms\" = 200\n\
                           \"retention.ms\" = 300\n\
                           [[fault]]\nkind = \"broker-pause\"\n\
                           target = \"follower-of:orders/0\"\nat = \"1s\"\nfor = \"2s\"\n";

/// Partitions move at a rate that leaves them far from done when the load ends.
const SLOW_MOVE: &str = "[scenario]\nduration = \"20s\"\n[cluster.config]\n\
                         \"replica.fetch.response.max.bytes\" = 100000\n\
                         \"message.max.bytes\" = 100000\n\
                         [[fault]]\nkind = \"reassign\"\ntarget = \"topic:orders\"\n\
                         replicas = [\"broker:4\", \"broker:5\", \"broker:1\"]\n\
                         throttle = \"2MB/s\"\nat = \"10s\"\n[check]\ngate = false\n";

/// Two of three brokers pause until they have left every ISR.
const LAST_ONE: &str = "[[fault]]\nkind = \"broker-pause\"\ntarget = \"broker:2\"\n\
                        at = \"1s\"\nfor = \"6s\"\n\
                        [[fault]]\nkind = \"broker-pause\"\ntarget = \"broker:3\"\n\
                        at = \"1s\"\nfor = \"6s\"\n";

#[rustfmt::skip]
const CANARIES: &[Canary] = &[
    canary(Anomaly::LostAcknowledged, ("acks_all", "early"), "hazards/acks-1-repaired.toml", 0, ""),
    canary(Anomaly::LostAcknowledged, ("compaction", "drop-newest"), "storage/compaction-latest-state.toml", 0, ""),
    canary(Anomaly::Invented, ("consumer_records", "invent"), "smoke/produce-consume.toml", 0, ""),
    canary(Anomaly::Duplicate, ("sequence_check", "no-duplicates"), "faults/connection-loss.toml", 0, ""),
    canary(Anomaly::Reordered, ("retry_position", "tail"), "hazards/in-flight-without-idempotence-repaired.toml", 0, LOSSY),
    canary(Anomaly::ReorderedKey, ("retry_position", "tail"), "hazards/in-flight-without-idempotence-repaired.toml", 0, LOSSY_KEYS),
    canary(Anomaly::AbortedRead, ("aborted_list", "forgotten"), "hazards/read-uncommitted-repaired.toml", 0, ""),
    canary(Anomaly::TornTransaction, ("markers", "flip-last"), "smoke/one-transaction.toml", 0, SHORT),
    canary(Anomaly::SkippedPoll, ("consumer_position", "skip"), "smoke/produce-consume.toml", 0, ""),
    canary(Anomaly::WentBack, ("consumer_position", "back"), "smoke/produce-consume.toml", 0, ""),
    canary(Anomaly::EffectLost, ("consumer_position", "skip"), "smoke/temperature.toml", 0, ""),
    canary(Anomaly::EffectInvented, ("consumer_records", "invent"), "smoke/temperature.toml", 0, ""),
    canary(Anomaly::EffectDoubled, ("sink_memory", "lost"), "hazards/commit-after-without-dedupe-repaired.toml", 1, ""),
    canary(Anomaly::UnfinishedOrder, ("consumer_position", "skip"), "faults/service-kill.toml", 1, ""),
    canary(Anomaly::StuckLag, ("rebalance_completion", "lose"), "smoke/produce-consume.toml", 0, SHORT),
    canary(Anomaly::UnansweredCall, ("delayed_produce", "forget"), "smoke/produce-consume.toml", 0, SHORT),
    canary(Anomaly::Gate, ("rebalance_completion", "lose"), "smoke/produce-consume.toml", 0, SHORT),
    canary(Anomaly::LeaderEpochMonotonic, ("election_epoch", "fall"), "hazards/unclean-election-repaired.toml", 0, "[scenario]\ndrain = \"60s\"\n"),
    canary(Anomaly::OneLeaderPerEpoch, ("election_epoch", "reuse"), "faults/broker-kill.toml", 0, ""),
    canary(Anomaly::HighWatermarkInIsr, ("high_watermark", "leader-only"), "faults/broker-kill.toml", 0, ""),
    canary(Anomaly::LogMatching, ("follower_truncation", "skip"), "faults/broker-pause.toml", 0, ""),
    canary(Anomaly::CommittedStays, ("electable", "any-live"), "hazards/unclean-election-repaired.toml", 0, ""),
    canary(Anomaly::IsrInReplicas, ("isr_members", "anyone"), "faults/broker-kill.toml", 0, TWO_REPLICAS),
    canary(Anomaly::TrueHighWatermark, ("high_watermark_moves", "back"), "operations/reassign.toml", 0, ""),
    canary(Anomaly::EpochsMatchRecords, ("epochs_at_truncation", "one-too-many"), "faults/partition-full.toml", 2, ""),
    canary(Anomaly::LeaderCandidateCompleteness, ("high_watermark", "leader-only"), "faults/broker-kill.toml", 0, ""),
    canary(Anomaly::TrueHighWatermark, ("electable", "any-live"), "hazards/unclean-election-repaired.toml", 0, ""),
    canary(Anomaly::TruncationKeepsCommitted, ("truncate", "local_hw"), "zoo/kip101-hw-truncation-today.toml", 0, ""),
    canary(Anomaly::ValidControllerState, ("fencing", "stays"), "faults/broker-pause.toml", 0, SHORT),
    canary(Anomaly::ReplicationQuorumSuperset, ("isr_members", "anyone"), "faults/broker-kill.toml", 0, TWO_REPLICAS),
    canary(Anomaly::ReplicationThrottle, ("replication_throttle", "forgotten"), "operations/reassign.toml", 0, SLOW_MOVE),
    canary(Anomaly::ReplicationThrottle, ("replication_throttle", "forgotten"), "operations/reassignment-throttled.toml", 0, ""),
    canary(Anomaly::LastStableOffset, ("last_stable_offset", "log-end"), "smoke/produce-consume.toml", 0, ""),
    canary(Anomaly::SequenceContiguous, ("sequence_check", "no-duplicates"), "faults/connection-loss.toml", 0, ""),
    canary(Anomaly::CompactionKeepsNewest, ("compaction", "drop-newest"), "storage/compaction-latest-state.toml", 0, ""),
    canary(Anomaly::TombstonesStay, ("delete_horizon", "ignored"), "storage/compaction-latest-state.toml", 0, ""),
    canary(Anomaly::CompactionKeepsVerdicts, ("cleaned_verdicts", "forgotten"), "storage/compaction-latest-state.toml", 0, ABORTING),
    canary(Anomaly::AbortedMatchRecords, ("cleaned_verdicts", "forgotten"), "storage/compaction-latest-state.toml", 0, ABORTING),
    canary(Anomaly::CompactionKeepsProducers, ("cleaned_producers", "dropped"), "storage/compaction-latest-state.toml", 0, SURVIVED),
    canary(Anomaly::LogBounds, ("retention_bound", "log-end"), "faults/broker-pause.toml", 0, SHORT_LIVED),
    canary(Anomaly::VisibleReads, ("last_stable_offset", "log-end"), "hazards/read-uncommitted-repaired.toml", 0, ""),
    canary(Anomaly::DurableCandidate, ("hw_requires_min_isr", "off"), "faults/broker-kill.toml", 0, LAST_ONE),
    canary(Anomaly::OneControllerPerEpoch, ("raft_resume_leader", "on"), "faults/controller-failover.toml", 2, BACK_AT_ONCE),
    canary(Anomaly::OneVotePerEpoch, ("raft_fsync", "off"), "smoke/produce-consume.toml", 3, SLOW_VOTES),
    canary(Anomaly::CommitInOwnEpoch, ("raft_commit_requires_own_epoch", "off"), "faults/controller-failover.toml", 38, GONE_EARLY),
    canary(Anomaly::MetadataHighWatermark, ("raft_fsync", "off"), "smoke/produce-consume.toml", 16, SLOW_COMMITS),
    canary(Anomaly::MetadataLogPrefix, ("raft_fsync", "off"), "smoke/produce-consume.toml", 16, SLOW_COMMITS),
    canary(Anomaly::BrokerEpochMonotonic, ("broker_epoch", "reuse"), "faults/broker-kill.toml", 0, ""),
    canary(Anomaly::FullIsr, ("isr_expand", "never"), "faults/broker-kill.toml", 0, SHORT),
    canary(Anomaly::StableGroups, ("rebalance_completion", "lose"), "smoke/produce-consume.toml", 0, SHORT),
    canary(Anomaly::HangingTransaction, ("markers", "skip-last"), "smoke/one-transaction.toml", 0, SHORT),
    canary(Anomaly::SequenceContiguous, ("sequence_check", "no-gaps"), "faults/partition-full.toml", 0, SHORT),
    canary(Anomaly::Gate, ("transaction_timeout", "never"), "faults/service-kill.toml", 0, GONE),
    canary(Anomaly::EffectLost, ("failed_output", "ignore"), "faults/partition-full.toml", 2, IMPATIENT),
    canary(Anomaly::StuckLag, ("offset_commit", "forgotten"), "smoke/produce-consume.toml", 0, SHORT),
    canary(Anomaly::LeaderEpochMonotonic, ("stale_leader_epoch", "accept"), "campaign/five-brokers.toml", 4, ""),
    canary(Anomaly::SequenceContiguous, ("retry_position", "tail"), "hazards/in-flight-without-idempotence-repaired.toml", 0, SHORT),
    canary(Anomaly::TransactionSteps, ("initialized_epoch", "falls"), "faults/service-kill.toml", 0, SHORT),
    canary(Anomaly::MarkerOfItsTransaction, ("coordinator_load", "all-but-last"), "faults/coordinator-kill.toml", 1, SHORT),
    canary(Anomaly::OneVerdict, ("markers", "skip-last"), "smoke/one-transaction.toml", 0, SHORT),
    canary(Anomaly::OneVerdict, ("markers", "flip-last"), "smoke/one-transaction.toml", 0, SHORT),
    canary(Anomaly::FencedEpoch, ("txn_protocol", "v1"), "zoo/kip890-late-produce-today.toml", 0, SHORT),
    canary(Anomaly::OpenWhenAppended, ("txn_protocol", "v1"), "zoo/kafka17754-delayed-end-txn-today.toml", 0, ""),
    canary(Anomaly::ProducerIdsDisjoint, ("producer_id_blocks", "reissued"), "faults/broker-kill.toml", 0, SHORT),
    canary(Anomaly::RepeatedIsTheSame, ("sequence_check", "eats-next"), "smoke/produce-consume.toml", 0, SHORT),
    canary(Anomaly::CoordinatorKnowsItsLog, ("coordinator_load", "all-but-last"), "faults/coordinator-kill.toml", 0, SHORT),
    canary(Anomaly::CommitByOwner, ("txn_offset_commit_generation_check", "off"), "zoo/kip447-zombie-commit-today.toml", 0, ""),
    canary(Anomaly::OffsetsStay, ("expire_when_unstable", "on"), "zoo/kafka13636-offsets-expire-in-rebalance-today.toml", 0, ""),
    canary(Anomaly::OneOwner, ("stored_assignment", "shared"), "faults/coordinator-kill.toml", 0, SHORT),
];

/// Values of rules without a canary here, each with the reason.
const ELSEWHERE: &[((&str, &str), &str)] = &[
    (
        ("txn_protocol", "v1_verified"),
        "no bug: leaders ask as from 3.6 on, and recordings under transaction.version 0 and 1 hold it",
    ),
    (
        ("unclean_shutdown_detect", "off"),
        "the unit tests of elections plant it and see who stays eligible",
    ),
    (
        ("directory_assignment_elr", "kept"),
        "no bug: the repair of one that Kafka 4.1 has; `hazards/elr-forgotten-repaired.toml` holds it",
    ),
    (("isr_admits_fenced", "on"), IN_THE_ZOO),
    (("group_load", "first_wins"), IN_THE_ZOO),
    (("expire_ts_default", "commit_ts"), IN_THE_ZOO),
    (("offset_expiry", "from_commit"), IN_THE_ZOO),
    (("offset_fetch_stable", "off"), IN_THE_ZOO),
    (("check_quorum", "off"), IN_UNIT_TESTS),
    (("prevote", "off"), IN_UNIT_TESTS),
    (("raft_guard_hw", "off"), IN_UNIT_TESTS),
    (("voter_identity", "id_only"), IN_UNIT_TESTS),
    (
        ("truncate", "epoch_279"),
        "it belongs to eras, and no schedule is known under which it loses: what was wrong with \
         it was the fencing around it",
    ),
];
/// `assize zoo` searches for it; no file has a schedule for it.
const IN_THE_ZOO: &str = "an entry of the zoo plants it, and generic search looks for it";
/// What the quorum does under the rule is shown by hand-made schedules.
const IN_UNIT_TESTS: &str = "the unit tests of the quorum plant it and find it";

/// Anomalies of a configuration, which no rule of the model can plant; a hazard shows each.
const HAZARDS: &[(Anomaly, &str)] = &[
    (Anomaly::ProducerFenced, include_str!("../../scenarios/hazards/shared-transactional-id.toml")),
    (
        Anomaly::FirstSequenceSkipped,
        include_str!("../../scenarios/hazards/first-sequence-skipped.toml"),
    ),
    (Anomaly::DecisionUndone, include_str!("../../scenarios/hazards/decision-undone.toml")),
    (Anomaly::EventLost, include_str!("../../scenarios/services/dual-write-lost.toml")),
    (Anomaly::EventPhantom, include_str!("../../scenarios/services/dual-write-phantom.toml")),
    (Anomaly::ResentUnderNewEpoch, include_str!("../../scenarios/hazards/epoch-bump-resends.toml")),
];

fn text(canary: &Canary) -> String {
    format!("extends = \"{}\"\n{}", canary.base, canary.more)
}

#[test]
fn every_planted_bug_is_caught() {
    let mut missed = Vec::new();
    for canary in CANARIES {
        let (rule, value) = canary.rule;
        let planted = format!("{}\n[protocol]\n{rule} = \"{value}\"\n", text(canary));
        let summary = run(&scenario(&planted), canary.seed);
        if summary.verdict != Verdict::Fail || !summary.anomalies.contains(&canary.anomaly) {
            let found = &summary.anomalies;
            missed.push(format!("{} of {rule} = {value}: {found:?}", canary.anomaly.name()));
        }
    }
    assert!(missed.is_empty(), "missed:\n{}", missed.join("\n"));
}

#[test]
fn nothing_is_found_where_nothing_is_planted() {
    let mut alarms = Vec::new();
    for canary in CANARIES {
        let summary = run(&scenario(&text(canary)), canary.seed);
        if summary.verdict != Verdict::Pass || !summary.anomalies.is_empty() {
            alarms.push(format!("{} {:?}", canary.base, summary.anomalies));
        }
    }
    assert!(alarms.is_empty(), "false alarms:\n{}", alarms.join("\n"));
}

/// The old rules under which the files of the zoo fail, as they set them.
fn rules_of_the_zoo() -> Vec<String> {
    let folder = root().join("scenarios/zoo");
    let files = std::fs::read_dir(folder).expect("the folder is in the repository");
    let texts = files.map(|file| std::fs::read_to_string(file.expect("readable").path()));
    let texts = texts.map(|text| text.expect("readable"));
    let bugs = texts.filter(|text| text.contains("verdict = \"fail\""));
    bugs.flat_map(|text| {
        let rules = text.split_once("[protocol]").map(|(_, rules)| rules.to_owned());
        rules.unwrap_or_default().lines().map(str::to_owned).collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn every_planted_value_of_a_rule_has_a_canary_or_a_reason() {
    let zoo = rules_of_the_zoo();
    for (rule, values) in broker_model::rules::Rules::ALL {
        for value in &values[1..] {
            let planted = CANARIES.iter().any(|canary| canary.rule == (*rule, *value))
                || zoo.contains(&format!("{rule} = \"{value}\""));
            let reason = ELSEWHERE.iter().find(|(named, _)| *named == (*rule, *value));
            assert!(planted || reason.is_some_and(|(_, why)| !why.is_empty()), "{rule} = {value}");
            assert!(!planted || reason.is_none(), "{rule} = {value} has a canary: drop its reason");
        }
    }
}

#[test]
fn every_anomaly_has_a_canary_or_a_hazard() {
    for anomaly in Anomaly::ALL {
        let planted = CANARIES.iter().any(|canary| canary.anomaly == *anomaly);
        let name = format!("anomaly = \"{}\"", anomaly.name());
        let hazard = HAZARDS.iter().any(|(a, text)| a == anomaly && text.contains(&name));
        assert!(planted || hazard, "{} has neither", anomaly.name());
    }
}

#[test]
fn scenarios_and_reports_name_the_same_anomalies() {
    let reported: Vec<&str> = Anomaly::ALL.iter().map(|one| one.name()).collect();
    let named: Vec<&str> = scenarios::model::Anomaly::ALL.iter().map(|one| one.name()).collect();
    let strangers: Vec<_> = reported.iter().filter(|one| !named.contains(one)).collect();
    assert!(strangers.is_empty(), "no scenario can expect {strangers:?}");
    let strangers: Vec<_> = named.iter().filter(|one| !reported.contains(one)).collect();
    assert!(strangers.is_empty(), "no report can tell {strangers:?}");
}

#[test]
fn scenarios_and_machines_have_the_same_numbers_of_kafka() {
    use assize::client::record_size::{NO_HEADERS, batch_bound, field_bytes};
    use scenarios::model::kafka;
    let records = broker_model::controller::RECORDS_PER_OPERATION_MAX;
    assert_eq!(kafka::RECORDS_PER_OPERATION_MAX as usize, records);
    let wait = broker_model::quorum::FETCH_WAIT / broker_model::types::MILLISECOND;
    assert_eq!(kafka::METADATA_FETCH_WAIT_MS, wait);
    let (key, value) = (8, 1_000);
    let around = batch_bound(Some(key), Some(value), NO_HEADERS) - key - field_bytes(Some(value));
    assert_eq!(kafka::AROUND_RECORD_BYTES, u64::from(around));
}
