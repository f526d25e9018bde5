//! Rules that a scenario sets and that can never act in it: told, once, with the reason.
//!
//! What each rule needs stands beside its definition in the broker model; here is how a scenario is
//! asked for it. A need is only called unmet where no run of the scenario could meet it.

use broker_model::config::{FOLLOWER_RATE, FOLLOWER_REPLICAS, LEADER_RATE, LEADER_REPLICAS};
use broker_model::rules::{Era, Need, Rules};
use scenarios::Scenario;
use scenarios::model::FaultKind;
use scenarios::warning::Warning;

use crate::plan::release_of;

/// One warning that names every such rule.
pub(super) fn rules_without_effect(scenario: &Scenario) -> Option<Warning> {
    let own = scenario.protocol.iter().filter(|(rule, value)| is_own(scenario, rule, value));
    let reason = |(rule, value): &'_ (String, String)| match is_today(rule, value) {
        true => unmet(scenario, rule, |need| asks_release(*need)),
        false => unmet(scenario, rule, |_| true),
    };
    let idle: Vec<(&str, String)> =
        own.filter_map(|told| Some((told.0.as_str(), reason(told)?))).collect();
    let (first, _) = idle.first()?;
    let told: Vec<String> = idle.iter().map(|(rule, why)| format!("`{rule}` ({why})")).collect();
    Some(Warning {
        name: "rule-without-effect",
        text: format!(
            "what `[protocol]` says of {} can make no difference in this scenario",
            told.join(", ")
        ),
        source: "docs/zoo.md, docs/model.md",
        path: format!("protocol.{first}"),
    })
}

/// Whether the file sets the rule by itself: an era brings whatever belonged together, and nobody
/// chose it rule by rule.
fn is_own(scenario: &Scenario, rule: &str, value: &str) -> bool {
    let era = scenario.era.as_deref().and_then(Era::of_name);
    !era.is_some_and(|era| era.rules.contains(&(rule, value)))
}

/// Whether a rule has the value that it has when nobody sets it. That is idle only where the
/// release lacks what it asks for.
fn is_today(rule: &str, value: &str) -> bool {
    Rules::ALL.iter().any(|known| known.0 == rule && known.1[0] == value)
}

/// Whether the release decides about a need.
const fn asks_release(need: Need) -> bool {
    matches!(need, Need::ReleaseWithElr | Need::ReleaseWithPreVote)
}

/// The first of these needs of a rule that the scenario does not meet, as a reason.
fn unmet(scenario: &Scenario, rule: &str, asked: impl Fn(&Need) -> bool) -> Option<String> {
    let place = Rules::ALL.iter().position(|known| known.0 == rule)?;
    let mut needs = Rules::NEEDS[place].iter().filter(|need| asked(need));
    needs.find_map(|need| missing(scenario, *need))
}

/// The value that a rule has in a scenario.
fn value_of<'a>(scenario: &'a Scenario, rule: &str) -> &'a str {
    let set = scenario.protocol.iter().find(|(set, _)| set == rule);
    let today = || Rules::ALL.iter().find(|known| known.0 == rule).map_or("", |known| known.1[0]);
    set.map_or_else(today, |(_, value)| value.as_str())
}

/// Why a scenario does not meet a need, if it does not.
fn missing(scenario: &Scenario, need: Need) -> Option<String> {
    let release = release_of(scenario.cluster.config.version);
    let kafka = scenario.cluster.config.version.name();
    let (met, why) = match need {
        Need::ReleaseWithElr => (
            release.eligible_leader_replicas(),
            format!(
                "new clusters of Kafka {kafka} have no eligible leader replicas; see `assize \
                 explain eligible.leader.replicas.version`"
            ),
        ),
        Need::Elr => (
            release.eligible_leader_replicas() && value_of(scenario, "elr") == "on",
            "there are no eligible leader replicas".to_owned(),
        ),
        Need::ReleaseWithPreVote => {
            (release.pre_vote(), format!("controllers of Kafka {kafka} have no pre-votes"))
        }
        Need::SeveralControllers => {
            (scenario.cluster.controllers > 1, "there is one controller".to_owned())
        }
        Need::SeveralBrokers => (scenario.cluster.brokers > 1, "there is one broker".to_owned()),
        Need::MinIsr => (has_min_isr(scenario), "`min.insync.replicas` is 1 everywhere".to_owned()),
        Need::Transactions => (
            scenario.services.iter().any(|service| service.transactional),
            "nobody writes in transactions".to_owned(),
        ),
        Need::Groups => (
            scenario.services.iter().any(|service| service.group.is_some()),
            "there is no consumer group".to_owned(),
        ),
        Need::ReplicationThrottles => {
            (is_throttled(scenario), "nothing throttles replication".to_owned())
        }
        Need::Unset(key) => {
            (scenario.cluster.config.get(key).is_none(), format!("`cluster.config` sets `{key}`"))
        }
        Need::OneOf(others) => (
            others.iter().any(|(rule, value)| value_of(scenario, rule) == *value),
            shadowed_by(scenario, others),
        ),
    };
    (!met).then_some(why)
}

fn shadowed_by(scenario: &Scenario, others: &[(&str, &str)]) -> String {
    let mut rules: Vec<&str> = others.iter().map(|(rule, _)| *rule).collect();
    rules.dedup();
    let values = rules.iter().map(|rule| format!("{rule} = \"{}\"", value_of(scenario, rule)));
    format!("shadowed by {}", values.collect::<Vec<_>>().join(" and "))
}

/// Whether the high watermark of any topic may have to wait for a second replica.
fn has_min_isr(scenario: &Scenario) -> bool {
    let key = "min.insync.replicas";
    let of_cluster = scenario.cluster.config.int(key) > 1;
    let of_topic = scenario.topics.iter().any(|t| t.config.get_int(key).is_some_and(|n| n > 1));
    let transactional = scenario.services.iter().any(|service| service.transactional);
    let of_transactions = scenario.cluster.config.int("transaction.state.log.min.isr") > 1;
    of_cluster || of_topic || transactional && of_transactions
}

fn is_throttled(scenario: &Scenario) -> bool {
    let by_tool = scenario
        .faults
        .iter()
        .any(|fault| matches!(fault.kind, FaultKind::Reassign { throttle: Some(_), .. }));
    let sides = [(LEADER_RATE, LEADER_REPLICAS), (FOLLOWER_RATE, FOLLOWER_REPLICAS)];
    let by_keys = sides.iter().any(|(rate, list)| {
        scenario.cluster.config.get(rate).is_some()
            && scenario.topics.iter().any(|topic| topic.config.get(list).is_some())
    });
    by_tool || by_keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::vocabulary;

    /// The warning about a scenario with these rules, and more of a cluster.
    fn told(cluster: &str, protocol: &str) -> Option<String> {
        let text = format!(
            r#"
[scenario]
name = "idle"
duration = "1s"
{cluster}
[topic.orders]
replication = 1
[service.order]
kind = "ingress"
output = "orders"
[load.calls]
into = "order"
arrivals = {{ model = "open", rate = "10/s" }}
[protocol]
{protocol}
"#
        );
        let none = |_: &str| -> Result<String, String> { Err(String::new()) };
        let scenario = Scenario::load_with(&text, &[], &none, &vocabulary());
        rules_without_effect(&scenario.expect("a scenario")).map(|warning| warning.text)
    }

    const THREE: &str = "[cluster]\nbrokers = 3\ncontrollers = 3\n";

    #[test]
    fn a_rule_that_can_make_no_difference_is_told_with_the_reason() {
        for (cluster, protocol, why) in [
            ("kafka = \"3.9\"", "elr = \"on\"", "Kafka 3.9 have no eligible leader replicas"),
            ("kafka = \"4.0\"", "elr = \"on\"", "Kafka 4.0 have no eligible leader replicas"),
            ("kafka = \"3.9\"", "prevote = \"on\"", "Kafka 3.9 have no pre-votes"),
            ("kafka = \"4.0\"", "elr = \"off\"", "Kafka 4.0 have no eligible leader replicas"),
            ("kafka = \"4.0\"", "unclean_shutdown_detect = \"off\"", "no eligible leader replicas"),
            (
                THREE,
                "elr = \"off\"\nunclean_shutdown_detect = \"off\"",
                "`unclean_shutdown_detect` (",
            ),
            ("[cluster]\nbrokers = 1", "truncate = \"local_hw\"", "there is one broker"),
            ("[cluster]\ncontrollers = 1", "prevote = \"off\"", "there is one controller"),
            (THREE, "markers = \"skip-last\"", "nobody writes in transactions"),
            (THREE, "offset_commit = \"forgotten\"", "there is no consumer group"),
            (THREE, "hw_requires_min_isr = \"off\"", "`min.insync.replicas` is 1"),
            (THREE, "replication_throttle = \"forgotten\"", "nothing throttles replication"),
            (
                THREE,
                "truncate = \"local_hw\"\nfollower_hw_before_truncate = \"on\"",
                "`follower_hw_before_truncate` (shadowed by truncate = \"local_hw\")",
            ),
            (
                "[cluster.config]\n\"unclean.leader.election.enable\" = false",
                "unclean_election = \"on\"",
                "`cluster.config` sets `unclean.leader.election.enable`",
            ),
        ] {
            let told = told(cluster, protocol).expect(protocol);
            assert!(told.contains(why), "{protocol}: {told}");
        }
    }

    #[test]
    fn a_minimum_of_two_and_both_keys_of_a_throttle_are_what_rules_need() {
        let (minimum, throttle) =
            ("hw_requires_min_isr = \"off\"", "replication_throttle = \"forgotten\"");
        let more = |text: &str| format!("{THREE}{text}");
        let config = "[cluster.config]\n";
        let list = "[topic.more]\nconfig = { \"leader.replication.throttled.replicas\" = \"*\" }";
        let rate = "\"leader.replication.throttled.rate\" = 1000\n";
        let other = "\"follower.replication.throttled.rate\" = 1000\n";
        for (cluster, protocol, idle) in [
            (more("[topic.more]\nconfig = { \"min.insync.replicas\" = 1 }"), minimum, true),
            (more(&format!("{config}\"min.insync.replicas\" = 1")), minimum, true),
            // Nobody writes in transactions.
            (more(&format!("{config}\"transaction.state.log.min.isr\" = 2")), minimum, true),
            (more(&format!("{config}{rate}")), throttle, true),
            (more(list), throttle, true),
            (more(&format!("{config}{other}{list}")), throttle, true),
            (more(&format!("{config}{rate}{list}")), throttle, false),
        ] {
            assert_eq!(told(&cluster, protocol).is_some(), idle, "{cluster}");
        }
    }

    #[test]
    fn a_rule_that_may_act_or_that_an_era_brings_is_not_told() {
        let min_isr = "[topic.more]\nreplication = 2\nconfig = { \"min.insync.replicas\" = 2 }";
        for (cluster, protocol) in [
            (THREE, "elr = \"off\""),
            (THREE, "prevote = \"off\""),
            (THREE, "truncate = \"epoch_101\"\nepoch_answer = \"next_larger_only\""),
            (THREE, "follower_hw_before_truncate = \"on\""),
            (min_isr, "hw_requires_min_isr = \"off\""),
            (THREE, "elr = \"on\""),
            (THREE, "prevote = \"on\""),
            ("[cluster]\ncontrollers = 1", "prevote = \"on\""),
            ("[cluster]\nbrokers = 1", "truncate = \"on_fetch\""),
            ("kafka = \"3.9\"\n[cluster]\nbrokers = 1", "era = \"0.10\""),
            ("", "unclean_election = \"on\""),
        ] {
            assert_eq!(told(cluster, protocol), None, "{protocol}");
        }
    }
}
