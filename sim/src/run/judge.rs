//! The verdict on a finished world.

use std::collections::BTreeSet;
use std::path::Path;

use reports::checker::{Anomaly, Claim, Finding, Scope, Verdict, Violation};
use reports::summary::{FaultEnd, FaultEntry, Hazard, Head, Summary, Table};
use scenarios::model::{Anomaly as Named, Verdict as Expected};
use scenarios::warning::Warning;

use super::{Run, gates, timeline};
use crate::warning::warnings;
use crate::world::{FaultRecord, Outcome, World};

/// The check that a run ends by itself.
const COMES_TO_REST: &str = "comes-to-rest";
/// The kind of fault that is a task of some length.
pub(super) const REASSIGN: &str = "reassign";

pub(super) fn judge(world: World, name: &Path, wall_s: f64) -> Run {
    let timeline = timeline::of(&world);
    let scenario = world.scenario();
    let claims = claims(&world);
    let off: Vec<Anomaly> =
        scenario.checks.off.iter().filter_map(|one| Anomaly::of_name(one.name())).collect();
    let mut checks = world.recorder().judge_without(&claims, &off);
    checks.push(drained(&world));
    let mut invariants = invariants(&world);
    invariants.push(fencing(&world));
    for finding in
        checks.iter_mut().chain(&mut invariants).filter(|one| one.verdict != Verdict::Off)
    {
        if anomaly_of(&finding.name).is_some_and(|anomaly| off.contains(&anomaly)) {
            finding.switch_off();
        }
    }
    let rules = gates::rules(&world);
    let mut measured = world.recorder().gates(&rules);
    if off.contains(&Anomaly::Gate) {
        measured.iter_mut().for_each(|gate| gate.verdict = Verdict::Off);
    }
    let head = Head {
        scenario: name.display().to_string(),
        seed: world.seed(),
        expected: match scenario.expect.verdict {
            Expected::Pass => Verdict::Pass,
            Expected::Fail => Verdict::Fail,
            Expected::Inconclusive => Verdict::Inconclusive,
        },
        expected_anomaly: scenario.expect.anomaly.and_then(|a| Anomaly::of_name(a.name())),
        expected_also: scenario
            .expect
            .also
            .iter()
            .filter_map(|one| Anomaly::of_name(one.name()))
            .collect(),
        missing_notes: world.missing_notes(),
        digest: world.trace().digest(),
        wall_s,
        events: world.trace().events(),
        invariants,
        faults: fault_entries(&world),
        replay: format!("assize run {} --seed {}", name.display(), world.seed()),
    };
    let mut summary = Summary::new(head, world.recorder(), &timeline, checks, measured);
    summary.warnings = warnings(world.scenario()).into_iter().map(told).collect();
    summary.dead_letters = dead_letters(&world);
    summary.hazards = hazards(&world);
    summary.nothing_tried = world.has_tried_nothing();
    Run { summary, timeline, world }
}

fn told(warning: Warning) -> reports::summary::Warning {
    reports::summary::Warning {
        name: warning.name.to_owned(),
        text: warning.text,
        source: warning.source.to_owned(),
        path: warning.path,
    }
}

/// What the run claims to have, from what its services promise.
fn claims(world: &World) -> Vec<Claim> {
    let scenario = world.scenario();
    // A scenario that expects a duplicate or a reordering shows what its configuration does
    // not promise, so everybody's records count.
    let scope = match scenario.expect.anomaly {
        Some(Named::Duplicate | Named::Reordered) => Scope::Every,
        _ => Scope::Promised,
    };
    let mut claims = vec![
        Claim::NoAcknowledgedRecordLost,
        Claim::NoRecordInvented,
        Claim::NoDuplicate(scope),
        Claim::OrderPerPartition(scope),
        Claim::AbortedNeverRead,
        Claim::NoTornTransaction,
        Claim::PollInOrder,
    ];
    let is_topic = |name: &String| scenario.topic(name).is_some();
    if scenario.checks.per_key_order.iter().any(is_topic) {
        claims.push(Claim::OrderPerKey);
    }
    if scenario.services.iter().any(|s| s.effects.is_some()) {
        claims.push(Claim::EffectsAppliedOnce);
    }
    if scenario.services.iter().any(|s| s.rows.is_some()) {
        claims.push(Claim::RowsMatchRecords);
    }
    if scenario.checks.exactly_once.iter().any(|one| is_topic(&one.from) && is_topic(&one.to)) {
        claims.push(Claim::OneTerminalState);
    }
    if scenario.services.iter().any(|s| s.group.is_some() || s.outbox().is_some()) {
        claims.push(Claim::LagDrained);
    }
    claims.push(Claim::CallsAnswered);
    claims
}

/// Whether the run came to rest within its bound.
fn drained(world: &World) -> Finding {
    let (verdict, detail) = match world.outcome() {
        Outcome::Drained => (Verdict::Pass, "everything came to rest".to_owned()),
        Outcome::DrainTimedOut => (
            Verdict::Fail,
            format!("not at rest when the drain bound had passed: {}", world.unrest()),
        ),
        Outcome::NotFormed | Outcome::Running => {
            (Verdict::Inconclusive, "the cluster never formed".to_owned())
        }
    };
    let failed = verdict == Verdict::Fail;
    let evidence = failed.then(|| Violation {
        anomaly: Anomaly::StuckLag,
        text: detail.clone(),
        record: None,
        partition: None,
        offset: None,
        at_ns: Some(world.now().0),
    });
    Finding {
        name: COMES_TO_REST.to_owned(),
        verdict,
        detail,
        violations: u64::from(failed),
        evidence: evidence.into_iter().collect(),
    }
}

fn invariants(world: &World) -> Vec<Finding> {
    let all = world.invariants();
    all.counts()
        .map(|(name, count)| {
            let anomaly = Anomaly::of_name(name).expect("an invariant is named as its anomaly");
            let evidence = all.violations().iter().filter(|v| v.invariant == name);
            let (verdict, detail) = match count {
                0 if all.inconclusive().contains(&name) => {
                    (Verdict::Inconclusive, "the run ended while the cluster changed".to_owned())
                }
                0 => (Verdict::Pass, "held after every event".to_owned()),
                _ => (Verdict::Fail, format!("violated {count} times")),
            };
            Finding {
                name: name.to_owned(),
                verdict,
                detail,
                violations: count,
                evidence: evidence
                    .map(|v| Violation {
                        anomaly,
                        text: v.detail.clone(),
                        record: None,
                        partition: None,
                        offset: None,
                        at_ns: Some(v.at.0),
                    })
                    .collect(),
            }
        })
        .collect()
}

/// What invariants saw that only tell.
fn hazards(world: &World) -> Vec<Hazard> {
    let all = world.invariants();
    let seen = all.hazards().filter_map(|(name, count)| {
        let first = all.violations().iter().find(|v| v.invariant == name)?;
        let at_s = (first.at.0 / 1_000) as f64 / 1e6;
        Some(Hazard { name: name.to_owned(), count, first: first.detail.clone(), at_s })
    });
    seen.chain(unfinished(world)).collect()
}

/// What services gave up, by topic.
fn dead_letters(world: &World) -> Table<u64> {
    let services = &world.scenario().services;
    let topics: BTreeSet<&String> = services.iter().filter_map(|s| s.dead_letter()).collect();
    let records = |topic: &&String| {
        let one = world.recorder().throughput().topic(world.topic_id(topic)?)?;
        Some(one.records.iter().sum())
    };
    let told = topics.iter().map(|topic| ((*topic).clone(), records(topic).unwrap_or(0)));
    told.collect()
}

/// Reassignments that were not done under load: what they cost is not what was measured.
fn unfinished(world: &World) -> Option<Hazard> {
    let open = |one: &&FaultRecord| {
        let not_done = matches!(one.end, None | Some(FaultEnd::NotDone));
        one.struck && one.kind == REASSIGN && not_done
    };
    let mut all = world.fault_records().iter().filter(open);
    let first = all.next()?;
    let until = first.until.unwrap_or(world.now());
    let end = first.end.map_or("NOT DONE when the run ended", FaultEnd::words);
    let mut text = format!("the reassignment of {} was {end}", first.target);
    let took = until.since(first.at) as f64 / 1e9;
    match first.replication_throttle {
        Some(rate) => text.push_str(&format!(
            ": its throttle of {rate} bytes a second was lifted after {took:.3} s, and what was \
             left was copied without one"
        )),
        None => text.push_str(&format!(", {took:.3} s after it began")),
    }
    let at_s = (first.at.0 / 1_000) as f64 / 1e6;
    let count = 1 + all.count() as u64;
    Some(Hazard { name: "reassignment-not-done".to_owned(), count, first: text, at_s })
}

/// No live instance is fenced by another with the same transactional id.
fn fencing(world: &World) -> Finding {
    let fenced = world.fenced();
    let evidence = fenced.iter().take(5).map(|(at, text)| Violation {
        anomaly: Anomaly::ProducerFenced,
        text: text.clone(),
        record: None,
        partition: None,
        offset: None,
        at_ns: Some(at.0),
    });
    Finding {
        name: "producer-fenced".to_owned(),
        verdict: if fenced.is_empty() { Verdict::Pass } else { Verdict::Fail },
        detail: match fenced.len() {
            0 => "no live producer was fenced by its twin".to_owned(),
            n => format!("{n} times a live producer was fenced by its twin"),
        },
        violations: fenced.len() as u64,
        evidence: evidence.collect(),
    }
}

/// The anomaly of a finding that is no claim about what clients saw: invariants are named as
/// theirs.
fn anomaly_of(name: &str) -> Option<Anomaly> {
    if name == COMES_TO_REST { Some(Anomaly::StuckLag) } else { Anomaly::of_name(name) }
}

fn fault_entries(world: &World) -> Vec<FaultEntry> {
    let seconds = |ns: u64| (ns / 1_000) as f64 / 1e6;
    let load_from = world.recorder().phases().load_from_ns();
    // A fault that a protocol event calls may come before the load phase.
    let into_load = |ns: u64| Some((ns as f64 - load_from? as f64).div_euclid(1e3) / 1e6);
    world
        .fault_records()
        .iter()
        .map(|fault| FaultEntry {
            at_s: seconds(fault.at.0),
            load_s: into_load(fault.at.0),
            until_s: fault.until.map(|until| seconds(until.0)),
            until_load_s: fault.until.and_then(|until| into_load(until.0)),
            end: fault.end,
            kind: fault.kind.to_owned(),
            target: fault.target.clone(),
            resolved: if fault.struck {
                fault.resolved.clone()
            } else {
                format!("{} (changed nothing)", fault.resolved)
            },
        })
        .collect()
}
